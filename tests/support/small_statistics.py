"""Statistics of small columns, as StatisticsGen writes them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import encode_split_names
from tfx.utils import io_utils

from components.feature_statistics import QUANTILE_BUCKETS

Column = Sequence[float | int | str | None] | np.ndarray


def column(values: Column, kind: str | None = None) -> pa.Array:
    """A column of examples: a list with one value in each row, or none. `kind` tells the type of empty columns."""
    rows = [None if value is None else [value] for value in (v.item() if hasattr(v, "item") else v for v in values)]
    if kind is None:
        first = next((row[0] for row in rows if row), 0.0)
        kind = {str: "string", int: "int"}.get(type(first), "float")
    inner = {"string": pa.large_binary(), "int": pa.int64(), "float": pa.float32()}[kind]
    return pa.array(rows, type=pa.large_list(inner))


def statistics(
    *, buckets: int = QUANTILE_BUCKETS, **columns: Column | pa.Array
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of a data set with these columns, all of the same length."""
    arrays = [values if isinstance(values, pa.Array) else column(values) for values in columns.values()]
    return generate_statistics_in_memory(
        pa.RecordBatch.from_arrays(arrays, list(columns)), StatsOptions(num_quantiles_histogram_buckets=buckets)
    )


def statistics_artifact(
    folder: str, splits: dict[str, statistics_pb2.DatasetFeatureStatisticsList], span: int = 0
) -> standard_artifacts.ExampleStatistics:
    """An ExampleStatistics artifact with these splits."""
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = str(folder)
    artifact.split_names = encode_split_names(list(splits))
    artifact.span = span
    for split, of_split in splits.items():
        io_utils.write_bytes_file(f"{folder}/Split-{split}/FeatureStats.pb", of_split.SerializeToString())
    return artifact
