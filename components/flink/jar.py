"""Beam's job server for Flink: a jar for each version of Beam and minor version of Flink."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from pathlib import Path

from components.flink.cluster import minor
from schema.errors import HeadgateError

DRIVEN = ("1.19", "1.20", "2.0", "2.1", "2.2")
"""Versions of Flink that Beam 2.77 drives (`apache_beam.options.pipeline_options.FlinkRunnerOptions`)."""

_FLINK = ".flink-runtime.version.properties", "project.version"
"""Flink's file in its jar, and the key, that tell its version."""


def job_server(flink: str, given: Path | None) -> Path:
    """The job server for a cluster.

    Args:
      flink: the cluster's version.
      given: a jar of the user's own; None to take the one that the Beam project publishes, from its cache on this
        machine or from Maven Central.

    Raises:
      HeadgateError: the jar is for another version of Flink, is no jar, or cannot be fetched.
    """
    if given is not None:
        check_jar(given, flink)
        return given
    if minor(flink) not in DRIVEN:
        raise HeadgateError(
            f"Beam {version('apache-beam')} has no job server for Flink {flink}.",
            where="beam.flink_master",
            expected=f"a cluster of Flink {', '.join(DRIVEN)}",
            received=f"Flink {flink}",
            fix="run a cluster of one of these, or name a job server as beam.job_server_jar",
        )
    return _fetched(flink)


def check_jar(jar: Path, flink: str) -> None:
    """Whether a job server is for a cluster's version of Flink; lets one pass that does not tell.

    Raises:
      HeadgateError: it is for another, or is no jar.
    """
    try:
        built_for = _property(jar, *_FLINK)
    except (OSError, zipfile.BadZipFile) as error:
        raise HeadgateError(
            "Beam's job server cannot be read.",
            where=f"beam.job_server_jar: {jar}",
            expected="a jar",
            received=error.strerror if isinstance(error, OSError) and error.strerror else "no jar",
        ) from error
    if built_for is not None and minor(built_for) != minor(flink):
        raise HeadgateError(
            f"Beam's job server is for Flink {minor(built_for)}, and the cluster runs Flink {flink}.",
            where=f"beam.job_server_jar: {jar}",
            expected=f"a job server for Flink {minor(flink)}",
            received=f"one for Flink {built_for}",
            fix="name another jar, or leave the setting out to take the one that Beam publishes",
        )


def _property(jar: Path, name: str, key: str) -> str | None:
    """A value of a properties file in a jar; None where there is no such file or key."""
    with zipfile.ZipFile(jar) as archive:
        if name not in archive.namelist():
            return None
        lines = archive.read(name).decode("latin-1").splitlines()
    return next((value.strip() for line in lines for left, _, value in [line.partition("=")] if left == key), None)


def _fetched(flink: str) -> Path:
    from apache_beam.utils.subprocess_server import JavaJarServer

    url = JavaJarServer.path_to_beam_jar(f":runners:flink:{minor(flink)}:job-server:shadowJar")
    try:
        return Path(JavaJarServer.local_jar(url))
    except Exception as error:
        name = url.rpartition("/")[2]
        raise HeadgateError(
            f"Beam's job server for Flink {minor(flink)} cannot be fetched.",
            where=url,
            received=str(error).partition("\n")[0],
            fix=f"put {name} into {JavaJarServer.JAR_CACHE}, or name one as beam.job_server_jar; "
            "docs/beam.md shows how to build one",
        ) from error
