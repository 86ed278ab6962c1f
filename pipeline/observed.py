"""The schema that the latest run's data show, as a curated one would say it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.feature_statistics import by_name
from components.measured import MEASURES, later_range
from pipeline.history import History
from pipeline.quiet import quiet
from pipeline.settings import PipelineSettings
from pipeline.workspace import Workspace
from schema.curation import bound, curate
from schema.errors import SettingsError

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


def observed_schema(
    settings: PipelineSettings, workspace: Workspace, curated: schema_pb2.Schema | None
) -> schema_pb2.Schema:
    """What the latest run's statistics, of all splits, make of the curated schema, or of none.

    The run's own schema will not do: once there is a curated one, that is the run's schema.

    Args:
      settings: the pipeline's settings.
      workspace: where its runs are.
      curated: the curated schema, which is widened; None infers one.

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
        shown = _shown(files, curated, settings.features.images)
    return curate(
        shown,
        label=settings.label.name,
        label_type=settings.label.type,
        classes=settings.label.values,
        features=[*settings.features.columns, *settings.features.images],
    )


def _train_first(path: Path) -> tuple[bool, str]:
    return path.parent.name != "Split-train", path.parent.name


def _shown(files: list[Path], curated: schema_pb2.Schema | None, images: Iterable[str]) -> Any:
    """What the data show, as stock SchemaGen finds it; a curated schema is widened by it, not replaced.

    So a range or a value that a person wrote stays, whether or not these data reach it. A column that the data no
    longer have goes. What is measured on images has ranges, which SchemaGen does not find.
    """
    import tensorflow_data_validation as tfdv

    splits = [tfdv.load_stats_binary(str(file)) for file in files]
    schema = copy.deepcopy(curated) or tfdv.infer_schema(splits[0], infer_feature_shape=False)
    _bound_measures(schema, splits, images)  # with their margins, before TFDV widens them to the data
    for statistics in splits:
        schema = tfdv.update_schema(schema, statistics, infer_feature_shape=False)
    columns = {name for statistics in splits for name in by_name(statistics)}
    kept = [feature for feature in schema.feature if feature.name in columns]
    del schema.feature[:]
    schema.feature.extend(kept)
    _bound_measures(schema, splits, images)
    for feature in schema.feature:
        # TFDV calls a column deprecated that has no value in a split, which says no more than that the split is small.
        feature.ClearField("lifecycle_stage")
    return schema


def _bound_measures(schema: schema_pb2.Schema, splits: list[Any], images: Iterable[str]) -> None:
    """Gives the measured numbers of images the ranges that later images may take."""
    features = {feature.name: feature for feature in schema.feature}
    for image in images:
        for measure in MEASURES:
            name = f"{image}_{measure}"
            seen = [by_name(of_split)[name].num_stats for of_split in splits if name in by_name(of_split)]
            if name not in features or not seen:
                continue
            low, high = min(numbers.min for numbers in seen), max(numbers.max for numbers in seen)
            later = later_range(measure, low, high)
            if later is not None:
                bound(features[name], low, high, *later)
