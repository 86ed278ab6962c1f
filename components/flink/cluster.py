"""What a Flink cluster's REST service tells; imports nothing of Beam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from schema.errors import HeadgateError

SECONDS = 10
"""For one answer."""


def flink_version(master: str) -> str:
    """The version of Flink that a cluster runs, such as `1.19.3`.

    Args:
      master: HOST:PORT of its REST service.

    Raises:
      HeadgateError: nothing there answers as Flink does.
    """
    return str(_get(master, "config", lambda answer: answer["flink-version"]))


def parallelism(master: str) -> int:
    """Into how many parts the cluster divides an operation of a job that does not say (`parallelism.default`).

    Args:
      master: HOST:PORT of its REST service.

    Raises:
      HeadgateError: nothing there answers as Flink does.
    """
    settings = _get(master, "jobmanager/config", lambda answer: {each["key"]: each["value"] for each in answer})
    return int(settings.get("parallelism.default", 1))


def cancel(master: str, name: str) -> None:
    """Cancels jobs that have not ended. Beam's job server lets go of a job without telling the cluster.

    Args:
      master: HOST:PORT of its REST service.
      name: of the jobs.

    Raises:
      HeadgateError: nothing there answers as Flink does.
    """
    for job in _get(master, "jobs/overview", lambda answer: answer["jobs"]):
        if job["name"] == name and job["end-time"] < 0:
            requests.patch(f"http://{master}/jobs/{job['jid']}", params={"mode": "cancel"}, timeout=SECONDS)


def _get(master: str, path: str, read: Callable[[Any], Any]) -> Any:
    try:
        answer = requests.get(f"http://{master}/{path}", timeout=SECONDS)
        answer.raise_for_status()
        return read(answer.json())
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise HeadgateError(
            "The Flink cluster does not answer.",
            where=f"beam.flink_master: {master}",
            expected="the REST service of a JobManager",
            received=_reason(error),
            fix="start the cluster, or correct the address",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return f"no answer in {SECONDS} seconds"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.HTTPError):
        return f"HTTP status {error.response.status_code}"
    return "an answer that is not Flink's"


def minor(version: str) -> str:
    """`1.19` of `1.19.3`: within one minor version, Flink's clients and clusters understand one another."""
    return ".".join(version.split(".")[:2])
