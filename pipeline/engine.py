"""Looks at the engine that the `beam` section names, as far as that can be done without running anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from components.beam import BeamSettings
from schema.errors import SettingsError


def engine_notes(beam: BeamSettings) -> Iterator[str]:
    """What whoever runs on this engine should know; nothing for the local one.

    Args:
      beam: the settings.

    Raises:
      SettingsError: a file that the settings name is not there.
      HeadgateError: the Flink cluster does not answer, there is no Java, or the job server is not for that cluster.
    """
    for name, path in (("job_server_jar", beam.job_server_jar), ("prism", beam.prism)):
        _there(name, path)
    if beam.runner == "flink" and beam.flink_master:
        yield _flink(beam.flink_master, beam)
    elif beam.runner in ("spark", "dataflow"):
        yield f"beam.runner: {beam.runner} is handed to Beam as it is; Headgate's own tests do not run on it."


def _there(name: str, path: Path | None) -> None:
    if path is not None and not path.is_file():
        raise SettingsError("The file is not there.", where=f"beam.{name}", received=str(path))


def _flink(master: str, beam: BeamSettings) -> str:
    from components.flink.cluster import flink_version
    from components.flink.jar import check_jar
    from components.flink.java import java

    found = f"Flink {flink_version(master)} answers at {master}"
    if beam.job_endpoint:
        return f"{found}; the job server is at {beam.job_endpoint}."
    java()
    if beam.job_server_jar is None:
        return f"{found}; Beam's job server for it comes from Maven Central at the first run."
    check_jar(beam.job_server_jar, flink_version(master))
    return f"{found}; {beam.job_server_jar.name} is for it."
