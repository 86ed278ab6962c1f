"""The schema that the latest run's data show, as a curated one would say it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.history import History
from pipeline.quiet import quiet
from pipeline.settings import PipelineSettings
from pipeline.workspace import Workspace
from schema.curation import curate
from schema.errors import SettingsError

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


def observed_schema(settings: PipelineSettings, workspace: Workspace) -> schema_pb2.Schema:
    """Infers a schema from the latest run's statistics, of all splits, and curates it.

    The run's own schema will not do: once there is a curated one, that is the run's schema.

    Raises:
      SettingsError: there is no run, or its data lack a column of the settings.
    """
    folder = History(workspace).latest_statistics(settings.name)
    files = sorted(folder.glob("Split-*/FeatureStats.pb"), key=_train_first) if folder else []
    if not files:
        raise SettingsError(
            f"No run of `{settings.name}` has looked at data yet.",
            where=str(workspace.root),
            fix=f"headgate run {settings.name} --to statistics",
        )
    with quiet(workspace.log(settings.name, "schema")):
        inferred = _infer(files)
    return curate(
        inferred,
        label=settings.label.name,
        label_type=settings.label.type,
        classes=settings.label.values,
        features=list(settings.features.columns),
    )


def _train_first(path: Path) -> tuple[bool, str]:
    return path.parent.name != "Split-train", path.parent.name


def _infer(files: list[Path]) -> Any:
    """As stock SchemaGen does it: inferred from the first split, widened by the others.

    TFDV calls a column deprecated that has no value in one of them, which says no more than that the split is small.
    """
    import tensorflow_data_validation as tfdv

    first, *others = [tfdv.load_stats_binary(str(file)) for file in files]
    schema = tfdv.infer_schema(first, infer_feature_shape=False)
    for statistics in others:
        schema = tfdv.update_schema(schema, statistics, infer_feature_shape=False)
    for feature in schema.feature:
        feature.ClearField("lifecycle_stage")
    return schema
