"""TFX's launcher, which takes up nothing that another attempt left, and leaves nothing behind itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio
from tfx.orchestration.portable import execution_publish_utils, launcher, outputs_utils
from tfx.types.artifact import ArtifactState

from schema.errors import HeadgateError
from schema.remote import files
from schema.remote.addresses import is_remote

SIZE = "size"
"""Custom property of an artifact: how many files it was made of, and of how many bytes."""


class CleanLauncher(launcher.Launcher):
    """Launches a node into empty folders.

    An output's folder is there already where an attempt was killed and is repeated, or where the database is another
    one than that which the folder was made under (deleted, or restored), since the numbers of executions, which name
    the folders, then begin again. A step that writes beside another's files would mix the two.

    Args:
      executor_spec: the executor that is run.
      cached_spec: the executor as the cache compares it: a run's own name must not be in it.
      **rest: see TFX's.
    """

    def __init__(self, *, executor_spec: Any, cached_spec: Any, **rest: Any) -> None:
        super().__init__(executor_spec=executor_spec, **rest)
        self._executor_spec = cached_spec

    def launch(self) -> Any:
        """See TFX's."""
        try:
            return super().launch()
        finally:
            self._remove_empty_folders()

    def _register_or_reuse_execution(
        self, metadata_handle: Any, contexts: Any, input_artifacts: Any = None, exec_properties: Any = None
    ) -> Any:
        """An execution of its own for each attempt at a step of a run.

        TFX's goes on with that of the attempt before: its times would be the first attempt's, and it would stay failed
        while it runs.
        """
        return execution_publish_utils.register_execution(
            metadata_handle=metadata_handle,
            execution_type=self._pipeline_node.node_info.type,
            contexts=contexts,
            input_artifacts=input_artifacts,
            exec_properties=exec_properties,
        )

    def _run_executor(self, execution_info: Any) -> Any:
        self._check_inputs(execution_info.input_dict)
        for artifacts in execution_info.output_dict.values():
            for artifact in artifacts:
                if fileio.exists(artifact.uri):
                    fileio.rmtree(artifact.uri)
        fileio.rmtree(execution_info.tmp_dir)
        fileio.makedirs(execution_info.tmp_dir)
        try:
            return super()._run_executor(execution_info)
        except SystemExit as error:
            outputs_utils.remove_output_dirs(execution_info.output_dict)
            raise HeadgateError(
                f"The step `{self._pipeline_node.node_info.id}` ended the program.",
                received=f"sys.exit({error.code!r})",
                fix="a function of your own returns, or raises an error: it must not call sys.exit",
            ) from error

    def _publish_successful_execution(
        self, execution_id: int, contexts: Any, output_dict: Any, executor_output: Any
    ) -> None:
        for listed in executor_output.output_artifacts.values():
            for artifact in listed.artifacts:
                if size := _size(artifact.uri):
                    artifact.custom_properties[SIZE].string_value = size
        super()._publish_successful_execution(execution_id, contexts, output_dict, executor_output)

    def _check_inputs(self, inputs: Mapping[str, Sequence[Any]]) -> None:
        """Raises `HeadgateError` where somebody touched an input since it was made; the cache forgets it then."""
        for artifact in (each for artifacts in inputs.values() for each in artifacts):
            made, there = artifact.get_string_custom_property(SIZE), _size(artifact.uri)
            if made and made != there:
                artifact.state = ArtifactState.DELETED
                with self._mlmd_connection as handle:
                    handle.store.put_artifacts([artifact.mlmd_artifact])
                raise HeadgateError(
                    "Results of an earlier step are no longer as they were made.",
                    where=artifact.uri,
                    expected=made,
                    received=there or "no such folder",
                    fix="start the same command again: they are made anew",
                )

    def _remove_empty_folders(self) -> None:
        """TFX makes three for each execution, which it hardly uses and does not remove."""
        root = self._pipeline_runtime_spec.pipeline_root.field_value.string_value
        for folder in Path(root, self._pipeline_node.node_info.id, ".system").glob("*/*"):
            with contextlib.suppress(OSError):  # another attempt at this step has something in it
                folder.rmdir()


def _size(uri: str) -> str:
    """Files and bytes of an artifact; empty where it is gone."""
    if is_remote(uri):
        sizes = [entry.size for entry in files.listing(uri).values()]
    else:
        sizes = [path.stat().st_size for path in Path(uri).rglob("*") if path.is_file()]
    there = bool(sizes) if is_remote(uri) else Path(uri).is_dir()
    return f"{len(sizes)} files, {sum(sizes)} bytes" if there else ""
