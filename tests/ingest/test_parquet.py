from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.ingest.chunks import Column
from components.ingest.conform import conform
from components.ingest.parquet_reader import ParquetReader
from schema.errors import DataError

DAY = datetime.datetime(2020, 1, 2, 3, 4, 5, 600_000)
SECONDS = 1577934245


def converted(values, to=None):
    """The converted column as a list, its Arrow type, and the rows that were refused."""
    column = values if isinstance(values, pa.Array) else pa.array(values)
    batch, refused = conform(pa.record_batch([column], names=["x"]), {"x": to} if to else {}, "here")
    return batch["x"].to_pylist(), batch["x"].type, np.flatnonzero(refused.get("x", [])).tolist()


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        (pa.array([True, None]), [1, None], pa.int64()),
        (pa.array([1, 2], pa.int8()), [1, 2], pa.int64()),
        (pa.array([1.5, float("nan")], pa.float32()), [1.5, None], pa.float64()),
        (pa.array([Decimal("1.25")]), [1.25], pa.float64()),
        (pa.array([DAY], pa.timestamp("us")), [SECONDS], pa.int64()),
        (pa.array([DAY], pa.timestamp("ns", tz="UTC")), [SECONDS], pa.int64()),
        (pa.array([datetime.date(1970, 1, 2), datetime.date(1969, 12, 31)]), [86400, -86400], pa.int64()),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"], pa.string()),
        (pa.array(["a"], pa.large_string()), ["a"], pa.string()),
        (pa.array([b"\xff"]), [b"\xff"], pa.binary()),
        (pa.array([[1, 2], None, []], pa.large_list(pa.int32())), [[1, 2], None, []], pa.list_(pa.int64())),
        (pa.array([[1.5, None], [None]]), [[1.5], []], pa.list_(pa.float64())),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [[1, 2]], pa.list_(pa.int64())),
        (pa.nulls(2), [None, None], pa.string()),
    ],
)
def test_each_arrow_type_becomes_one_that_an_example_can_hold(column, values, kind):
    assert converted(column) == (values, kind, [])


@pytest.mark.parametrize(
    ("column", "to", "values", "refused"),
    [
        (pa.array([1, 2]), "float", [1.0, 2.0], []),
        (pa.array([1.0, 2.5, None]), "int", [1, None, None], [1]),
        (pa.array(["1", "x", ""]), "float", [1.0, None, None], [1]),
        (pa.array([1, None]), "string", ["1", None], []),
        (pa.array([True]), "string", ["1"], []),
        (pa.array([b"a", b"\xff"]), "string", ["a", None], [1]),
        (pa.array([1, 2**63], pa.uint64()), None, [1, None], [1]),
        (pa.array([1, 2**63], pa.uint64()), "int", [1, None], [1]),
        (pa.array([["1"], ["x", "2"]]), "int", [[1], [2]], [1]),
        (pa.nulls(1), "float", [None], []),
    ],
)
def test_declared_types_are_converted_to_or_refused_by_row(column, to, values, refused):
    found, _, rows = converted(column, to)
    assert (found, rows) == (values, refused)


@pytest.mark.parametrize(
    "column", [pa.array([{"a": 1}]), pa.array([[[1]]]), pa.array([datetime.timedelta(1)]), pa.array([datetime.time(1)])]
)
def test_types_that_no_example_can_hold_are_told(column):
    with pytest.raises(DataError, match="type that a") as raised:
        converted(column)
    assert raised.value.received == str(column.type)


def test_rows_are_numbered_across_batches_and_row_groups(tmp_path):
    table = pa.table({"x": ["1", "2", "three", "4", "five"], "y": [1.0] * 5})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=2)
    chunks = list(ParquetReader(rows=2).chunks(tmp_path / "x.parquet", {"x": Column("int"), "y": Column("float")}))
    assert [line for chunk in chunks for line in chunk.lines] == [1, 2, 4]
    rejects = [(reject.line, reject.reason, reject.text) for chunk in chunks for reject in chunk.rejects]
    assert rejects == [
        (3, "`x`: expected an integer, received 'three'", "x='three', y=1.0"),
        (5, "`x`: expected an integer, received 'five'", "x='five', y=1.0"),
    ]


def test_the_survey_reads_the_schema_only(tmp_path):
    table = pa.table(
        {"i": [1], "f": [1.0], "s": ["a"], "d": pa.array(["a"]).dictionary_encode(), "l": [[1]], "n": [None]}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    found = ParquetReader().survey(tmp_path / "x.parquet", {"s"})
    assert {name: (one.type(), one.many) for name, one in found.items()} == {
        "i": ("int", False),
        "f": ("float", False),
        "d": ("string", False),
        "l": ("int", True),
        "n": ("string", False),
    }


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1 cut short"])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        ParquetReader().columns(tmp_path / "x.parquet")


def test_a_column_name_used_twice_is_told(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="same name"):
        ParquetReader().columns(tmp_path / "x.parquet")
