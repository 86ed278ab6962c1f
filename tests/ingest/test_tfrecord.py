from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from components.ingest import tfrecord
from components.ingest.chunks import Column
from components.ingest.tfrecord_reader import TfRecordReader
from schema.errors import DataError


def examples(**columns: list) -> list[bytes]:
    names = list(columns)
    arrays = [
        pa.array([value if value is None else [value] if not isinstance(value, list) else value for value in values])
        for values in columns.values()
    ]
    kinds = {pa.float64(): pa.float32(), pa.string(): pa.binary()}
    arrays = [array.cast(pa.list_(kinds.get(array.type.value_type, array.type.value_type))) for array in arrays]
    return RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(arrays, names))


def write(path: Path, records: list[bytes]) -> Path:
    data = tfrecord.frame(records)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def read(path: Path, rows: int = 100, **declared: str):
    reader = TfRecordReader(rows)
    found = reader.survey(path, set())
    columns = {
        name: Column(declared.get(name, None if one.raw else one.type()), one.many) for name, one in found.items()
    }
    chunks = list(reader.chunks(path, columns))
    good = [
        (int(line), row) for chunk in chunks for line, row in zip(chunk.lines, chunk.batch.to_pylist(), strict=True)
    ]
    return good, [(reject.line, reject.reason) for chunk in chunks for reject in chunk.rejects]


@given(st.lists(st.binary(max_size=50)), st.integers(1, 5))
def test_records_survive_a_round_trip(tmp_path_factory, records, rows):
    path = write(tmp_path_factory.mktemp("tfrecord") / "x", records)
    parts = list(tfrecord.read(path, rows))
    assert [record for part in parts for record in part.data] == records
    assert all(len(part.data) <= rows for part in parts)
    assert list(tfrecord.lengths(path)) == [len(record) for record in records]


def test_tensorflow_reads_what_is_written(tmp_path):
    import tensorflow as tf

    records = [b"", b"a", b"x" * 1000]
    path = write(tmp_path / "x", records)
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records


@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
def test_features_of_one_value_become_columns_of_single_values(tmp_path, name):
    path = write(tmp_path / name, examples(a=[1, None], b=[[1.5, 2.5], [3.5]], c=["x", "y"]))
    good, bad = read(path, c="string")
    assert good == [(1, {"a": 1, "b": [1.5, 2.5], "c": "x"}), (2, {"a": None, "b": [3.5], "c": "y"})]
    assert bad == []


def test_undeclared_bytes_are_passed_on_as_they_are(tmp_path):
    path = write(tmp_path / "x", examples(image=[b"\xff\x00"]))
    assert read(path)[0] == [(1, {"image": b"\xff\x00"})]


def test_records_that_are_no_examples_are_rejected_by_number(tmp_path):
    good = examples(a=[1, 2, 3, 4])
    path = write(tmp_path / "x", [good[0], b"junk", *good[1:3], b"\xff", good[3]])
    rows, bad = read(path, rows=4)
    assert [(line, row["a"]) for line, row in rows] == [(1, 1), (3, 2), (4, 3), (6, 4)]
    assert bad == [(2, "the record is no tf.Example"), (5, "the record is no tf.Example")]


def test_a_feature_of_two_kinds_is_one_column(tmp_path):
    path = write(tmp_path / "x", [*examples(a=[1, 2]), *examples(a=[1.5]), *examples(a=["7", "x"])])
    rows, bad = read(path, a="float")
    assert [(line, row["a"]) for line, row in rows] == [(1, 1.0), (2, 2.0), (3, 1.5), (4, 7.0)]
    assert bad == [(5, "`a`: expected a number, received 'x'")]


def test_a_record_with_a_wrong_checksum_is_rejected_alone(tmp_path):
    path = write(tmp_path / "x", examples(a=[1, 2, 3]))
    data = bytearray(path.read_bytes())
    size = len(data) // 3
    data[size + 14] ^= 1  # within the data of the second record
    path.write_bytes(data)
    rows, bad = read(path)
    assert [line for line, _ in rows] == [1, 3]
    assert bad == [(2, "the record does not match its checksum")]


@pytest.mark.parametrize("cut", [1, 4, 20])
@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
def test_a_file_cut_short_is_told_with_its_record(tmp_path, name, cut):
    path = write(tmp_path / name, examples(a=[1, 2, 3]))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match="cut short") as raised:
        read(path)
    assert "record" in raised.value.where


def test_a_file_of_another_format_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"a,b\n1,2\n3,4\n5,6\n")
    with pytest.raises(DataError, match="damaged"):
        TfRecordReader().columns(tmp_path / "x")
    with pytest.raises(DataError, match="damaged"):
        list(tfrecord.lengths(tmp_path / "x"))
