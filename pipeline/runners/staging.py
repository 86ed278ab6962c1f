"""Steps whose artifacts lie elsewhere: each works on copies on this machine, and what it made is sent when it ends.

Nothing half done is ever visible: ML Metadata hears of an output after all of it has arrived.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attr
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.orchestration.portable.python_executor_operator import PythonExecutorOperator
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2
from tfx.types import Artifact

from pipeline.metadata.place import Metadata
from schema.errors import SettingsError
from schema.remote import copies, files
from schema.remote.addresses import here, is_remote, join, told


class StagedPython(PythonExecutorOperator):
    """TFX's operator for Python executors, with copies in place of remote artifacts."""

    def run_executor(self, execution_info: ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        """See TFX's operator."""
        with _staged(execution_info) as local:
            return _told(super().run_executor(local))


class StagedBeam(BeamExecutorOperator):
    """The same for executors that run on Beam."""

    def run_executor(self, execution_info: ExecutionInfo, **options: Any) -> execution_result_pb2.ExecutorOutput:
        """See TFX's operator."""
        with _staged(execution_info) as local:
            return _told(super().run_executor(local, **options))


OPERATORS = {
    executable_spec_pb2.PythonClassExecutableSpec: StagedPython,
    executable_spec_pb2.BeamExecutableSpec: StagedBeam,
}
"""For TFX's launcher: what runs each kind of executor where artifacts are remote."""

OWNER = ".headgate-owner"
"""The object below a pipeline's artifacts that names the database which numbers them."""


@contextlib.contextmanager
def _staged(info: ExecutionInfo) -> Iterator[ExecutionInfo]:
    """An execution on copies; outputs are sent if the block ends well."""
    sent = [artifact for artifact in _all(info.output_dict) if is_remote(artifact.uri)]
    remote = [*sent, *(artifact for artifact in _all(info.input_dict) if is_remote(artifact.uri))]
    addresses = [artifact.uri for artifact in remote]
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        try:
            for artifact in remote[len(sent) :]:
                artifact.uri = str(copies.fetch(artifact.uri))
            for artifact in sent:
                artifact.uri = str(_empty(here(artifact.uri)))
            yield attr.evolve(
                info,
                tmp_dir=str(_empty(Path(folder, "tmp"))),
                stateful_working_dir=str(_empty(Path(folder, "state"))),
                execution_output_uri=str(Path(folder, "output.pb")),
            )
        finally:
            for artifact, address in zip(remote, addresses, strict=True):
                artifact.uri = address
    for artifact in sent:
        copies.send(here(artifact.uri), artifact.uri)


def _told(output: execution_result_pb2.ExecutorOutput) -> execution_result_pb2.ExecutorOutput:
    """What an executor says of its artifacts, by their addresses."""
    for listed in output.output_artifacts.values():
        for artifact in listed.artifacts:
            artifact.uri = told(artifact.uri)
            for value in (*artifact.properties.values(), *artifact.custom_properties.values()):
                if value.HasField("string_value"):
                    value.string_value = told(value.string_value)
    return output


def _all(artifacts: Mapping[str, Iterable[Artifact]]) -> Iterable[Artifact]:
    return [artifact for group in artifacts.values() for artifact in group]


def _empty(folder: Path) -> Path:
    """A folder with nothing in it, whatever an earlier run left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@cache
def claim(root: str, database: str) -> None:
    """Makes sure that one database alone numbers a pipeline's artifacts: two would overwrite each other's.

    Args:
      root: the address of the pipeline's artifacts.
      database: names the database.

    Raises:
      SettingsError: the artifacts belong to another database.
    """
    address = join(root, OWNER)
    try:
        owner = files.read(address).decode()
    except FileNotFoundError:
        files.write(address, database.encode())
        return
    if owner != database:
        raise SettingsError(
            "These artifacts belong to another workspace.",
            where=f"artifacts: {root}",
            expected=f"artifacts of {database}",
            received=f"those of {owner}",
            fix=f"name another place; or, if that workspace is gone for good, delete {address}",
        )


def database_of(metadata: Metadata) -> str:
    """A name of a database that stays when a workspace moves: a server's URL, or a number beside the sqlite file."""
    if metadata.address is not None:
        return metadata.where
    note = metadata.file.with_name(OWNER)
    if not note.exists():
        note.write_text(f"sqlite-{uuid.uuid4().hex}", encoding="utf-8")
    return note.read_text(encoding="utf-8")
