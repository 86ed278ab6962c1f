"""The measured steps, ours and stock TFX's: executors on real artifacts. Imported by measuring processes only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.example_gen.csv_example_gen import executor as stock_csv
from tfx.components.statistics_gen import executor as stock_statistics
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components import statistics
from components.ingest import component
from components.ingest.settings import DataSettings, IngestSettings, SplitSettings
from components.label import LabelSettings

_BEAM = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
_NO_PACKAGE = "--sdk_container_image=unused"
"""Keeps TFX from packing its own source for remote workers at every step, which would cost both sides 3 s of CPU."""

_SPLITS = SplitSettings()


def ingest(source: str, target: str) -> None:
    """Our ingestion, with the type of one column declared and 19 to find, as for stock."""
    settings = IngestSettings(
        data=DataSettings(path=f"{source}/*.csv", split=_SPLITS),
        columns={},
        label=LabelSettings(name="number0", task="regression"),
    )
    properties = {"settings": settings.model_dump_json(), "code": "", "span": 0}
    component.Executor(_context(target)).Do({}, {"examples": [_examples(target)]}, properties)


def stock_ingest(source: str, target: str) -> None:
    """CsvExampleGen on the same file, with the same splits."""
    buckets = {name: getattr(_SPLITS, name) for name in ("train", "eval", "test")}
    splits = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=count) for name, count in buckets.items()]
    properties = {
        "input_base": source,
        "input_config": proto_utils.proto_to_json(
            example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")])
        ),
        "output_config": proto_utils.proto_to_json(
            example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))
        ),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
    }
    stock_csv.Executor(_context(target)).Do({}, {"examples": [_examples(target)]}, properties)


def compute_statistics(source: str, target: str) -> None:
    """Our statistics of the examples in a folder."""
    _statistics(statistics.Executor, source, target)


def stock_compute_statistics(source: str, target: str) -> None:
    """StatisticsGen's of the same, with the same options."""
    _statistics(stock_statistics.Executor, source, target)


def _statistics(executor: Any, source: str, target: str) -> None:
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = target
    properties = {"stats_options_json": statistics.options(()).to_json()}
    executor(_context(target)).Do({"examples": [_examples(source)]}, {"statistics": [artifact]}, properties)


def _context(folder: str) -> BaseBeamExecutor.Context:
    return BaseBeamExecutor.Context(beam_pipeline_args=[*_BEAM, _NO_PACKAGE], tmp_dir=str(Path(folder, ".tmp")))


def _examples(folder: str) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = folder
    artifact.split_names = '["train", "eval", "test"]'
    return artifact
