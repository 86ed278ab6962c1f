"""Beam's Flink runner, with one job server for all pipelines of a process, and errors for a reader to act on."""

from __future__ import annotations

import atexit
import contextlib
import functools
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import requests
from absl import logging
from apache_beam.options.pipeline_options import FlinkRunnerOptions, GoogleCloudOptions, PortableOptions
from apache_beam.portability import python_urns
from apache_beam.runners.portability import flink_runner
from apache_beam.transforms.environments import ExternalEnvironment

from components.flink.cluster import SECONDS, cancel, flink_version, parallelism
from components.flink.jar import job_server
from components.flink.java import java
from components.flink.workers import serve, threads
from components.job_server import JobServer
from schema.errors import HeadgateError, first_line

JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""The job server translates pipelines and then waits: a plain collector and a light compiler start it sooner."""


class FlinkRunner(flink_runner.FlinkRunner):
    """Runs pipelines on the cluster that `--flink_master` names, each to its end.

    Beam's own starts a job server for each pipeline (two CPU seconds), keeps them all to the end of the process, and
    tells an error as Java's trace.
    """

    def default_job_server(self, options: Any) -> JobServer:
        """The process' job server for this cluster."""
        flink = options.view_as(FlinkRunnerOptions)
        return _shared(flink.flink_master, flink.flink_job_server_jar)

    @staticmethod
    def start_and_replace_loopback_environments(pipeline: Any, options: Any) -> list[Callable[[], Any]]:
        """Starts the workers of a pipeline whose environment is this process; returns what ends them."""
        ends: list[Callable[[], Any]] = []
        for environment in pipeline.components.environments.values():
            if environment.urn == python_urns.EMBEDDED_PYTHON_LOOPBACK:
                address, server = serve(threads)
                external = ExternalEnvironment(address).to_runner_api(None)
                environment.urn, environment.payload = external.urn, external.payload
                ends.append(functools.partial(server.stop, 1))
        return ends

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> Any:
        """Runs the pipeline, and waits for it.

        Raises:
          HeadgateError: the cluster cannot be reached, or the job failed there.
        """
        flink = options.view_as(FlinkRunnerOptions)
        master = flink.flink_master
        flink_version(master)
        if endpoint := options.view_as(PortableOptions).job_endpoint:
            _listens(endpoint)
        name = options.view_as(GoogleCloudOptions).job_name or "without a name"
        if flink.parallelism < 1:  # Beam's job server would not look for the cluster's own, and take one
            flink.parallelism = parallelism(master)
        result = None
        try:
            result = super().run_portable_pipeline(pipeline, options)
            result.wait_until_finish()
        except (RuntimeError, grpc.RpcError) as error:
            raise _failure(error, f"job {name} at http://{master}", master) from error
        except BaseException:
            if result is not None:
                with contextlib.suppress(HeadgateError, requests.RequestException):
                    cancel(master, name)
            raise
        return result


def _listens(endpoint: str) -> None:
    """Beam itself would wait for five minutes."""
    host, _, port = endpoint.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS).close()
    except OSError as error:
        raise HeadgateError(
            "Beam's job server does not answer.",
            where=f"beam.job_endpoint: {endpoint}",
            received=error.strerror or "no answer",
            fix="start it, correct the address, or leave the setting out: then each process starts one",
        ) from error


@functools.cache
def _shared(master: str, jar: str | None) -> JobServer:
    return JobServer(functools.partial(_command, master, jar))


def _command(master: str, jar: str | None, port: int) -> list[str]:
    folder = tempfile.TemporaryDirectory(prefix="headgate-flink-")
    atexit.register(folder.cleanup)
    return [
        *(java(), *JVM, "-jar", str(job_server(flink_version(master), Path(jar) if jar else None))),
        *("--flink-master", master, "--artifacts-dir", folder.name),
        *("--job-host", "127.0.0.1", "--job-port", str(port), "--artifact-port", "0", "--expansion-port", "-1"),
    ]


def _failure(error: Exception, job: str, master: str) -> HeadgateError:
    """What became of a job: the cluster is gone, the job server is, or a step's code failed on a worker."""
    try:
        flink_version(master)
    except HeadgateError as gone:
        return HeadgateError(
            "The Flink cluster was lost while a job ran.",
            where=job,
            received=gone.received,
            fix="start the cluster and run again: what was done is taken from the cache",
        )
    if isinstance(error, grpc.RpcError):
        return HeadgateError(
            "Beam's job server was lost while a job ran.",
            where=job,
            received=str(error.code()),
            fix="run again; what it said is at the end of the run's log",
        )
    return HeadgateError("A job on the Flink cluster failed.", where=job, received=reason(str(error)))


_STATE = re.compile(r"^Pipeline \S+ failed in state \w+: ")
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b.*$", re.MULTILINE)
_PYTHON = "Traceback (most recent call last):"


def reason(text: str) -> str:
    """The line that says what failed, of what Beam tells of a job: Java's trace, perhaps with Python's inside.

    Args:
      text: as Beam's job server sent it.
    """
    logging.error("The job on Flink failed: %s", text)
    _, python, trace = text.rpartition(_PYTHON)
    raised = _RAISED.search(trace) if python else None
    return raised[0][:300] if raised else first_line(RuntimeError(_STATE.sub("", text)))
