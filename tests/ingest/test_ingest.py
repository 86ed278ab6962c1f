"""Whole inputs through ingestion on Beam: what is written, quarantined, refused."""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingested import quarantine, rows_of, run
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.ingest import csv_reader
from components.ingest.deal import deal
from components.ingest.peek import peek_columns
from components.ingest.pieces import Piece
from components.ingest.settings import DataSettings, IngestSettings
from components.ingest.survey import decide, survey
from components.label import LabelSettings
from schema.errors import DataError, HeadgateError, SettingsError

LABEL = LabelSettings(name="y")


def make(path: Path | str, columns: dict | None = None, label: LabelSettings = LABEL, **data) -> IngestSettings:
    return IngestSettings(data=DataSettings(path=str(path), **data), columns=columns or {}, label=label)


def csv_of(rows: int, start: int = 0) -> str:
    return "id,name,y\n" + "".join(f"{row},n{row % 7},{row % 2}\n" for row in range(start, start + rows))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of user code and makes it importable."""

    def write(source: str) -> None:
        (tmp_path / "users_code.py").write_text("import pyarrow as pa\nimport pyarrow.compute as pc\n" + source)

    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    sys.modules.pop("users_code", None)


def test_rows_go_to_three_splits_as_examples(tmp_path):
    (tmp_path / "x.csv").write_text(csv_of(300))
    summary = run(make(tmp_path / "x.csv"), tmp_path / "out")
    assert sum(summary.rows.values()) == 300
    assert {split: len(rows_of(tmp_path / "out", split)) for split in ("train", "eval", "test")} == summary.rows
    expected = [{"id": row, "name": b"n%d" % (row % 7), "y": row % 2} for row in range(300)]
    assert sorted(rows_of(tmp_path / "out"), key=lambda row: row["id"]) == expected


def test_nothing_but_shards_and_quarantine_is_left(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(csv_of(100))
    run(make(tmp_path / "*.csv"), tmp_path / "out")
    shards = ["data_tfrecord-00000-of-00002", "data_tfrecord-00001-of-00002"]
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == sorted(
        [f"Split-{s}/{name}" for s in ("train", "eval", "test") for name in shards] + ["quarantine.jsonl"]
    )


def test_a_failed_ingestion_leaves_no_shard(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(csv_of(5000).encode())[:-100])
    with pytest.raises(DataError, match="cut short"):
        run(make(tmp_path / "x.csv.gz"), tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_csv_gzip_parquet_and_tfrecord_of_the_same_rows_give_the_same_splits(tmp_path):
    text = csv_of(200)
    (tmp_path / "x.csv").write_text(text)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
    pq.write_table(pa.csv.read_csv(tmp_path / "x.csv"), tmp_path / "x.parquet")
    written = {}
    for name in ("x.csv", "x.csv.gz", "x.parquet"):
        run(make(tmp_path / name), tmp_path / name[2:])
        written[name] = [sorted(map(str, rows_of(tmp_path / name[2:], split))) for split in ("train", "eval", "test")]
    shards = list((tmp_path / "csv").glob("Split-*/*"))
    (tmp_path / "x.tfrecord").write_bytes(b"".join(path.read_bytes() for path in shards))
    run(make(tmp_path / "x.tfrecord"), tmp_path / "tfrecord")
    written["x.tfrecord"] = [
        sorted(map(str, rows_of(tmp_path / "tfrecord", split))) for split in ("train", "eval", "test")
    ]
    assert all(splits == written["x.csv"] for splits in written.values())


def test_types_are_decided_once_for_all_files(tmp_path):
    (tmp_path / "a.csv").write_text("v,w,y\n" + "1,2,0\n" * 50)
    (tmp_path / "b.csv").write_text("v,w,y\n" + "".join(f"1.5,{row}x,0\n" for row in range(50)))
    run(make(tmp_path / "*.csv", split={"train": 1, "eval": 1, "test": 1}), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert {type(row["v"]) for row in rows} == {float}
    assert {type(row["w"]) for row in rows} == {bytes}


def test_a_few_broken_numbers_go_to_quarantine_with_file_line_and_reason(tmp_path):
    lines = csv_of(100).splitlines()
    lines[7] = "six,n6,0"
    lines.insert(50, "too,few")
    lines.append("99999999999999999999,n0,1")
    (tmp_path / "x.csv").write_text("\n".join(lines))
    summary = run(make(tmp_path / "x.csv"), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (99, 3)
    assert quarantine(tmp_path / "out") == [
        {"file": str(tmp_path / "x.csv"), "line": line, "reason": reason, "text": text}
        for line, reason, text in [
            (8, "`id`: expected an integer, received 'six'", "six,n6,0"),
            (51, "expected 3 fields, received 2", "too,few"),
            (103, "`id`: 99999999999999999999 is beyond the range of int64", "99999999999999999999,n0,1"),
        ]
    ]


def test_infinite_numbers_are_numbers_here_and_nan_is_missing(tmp_path):
    (tmp_path / "x.csv").write_text(
        "v,n,y\n" + "".join(f"{v},{n},0\n" for n in range(30) for v in ("inf", "nan", "1.5"))
    )
    summary = run(make(tmp_path / "x.csv", {"v": "float"}), tmp_path / "out")
    assert summary.quarantined == 0
    assert Counter(row["v"] for row in rows_of(tmp_path / "out")) == {float("inf"): 30, None: 30, 1.5: 30}


def test_a_column_without_any_value_is_an_empty_feature(tmp_path):
    (tmp_path / "x.csv").write_text("e,n,y\n" + "".join(f",{n},0\n" for n in range(50)))
    run(make(tmp_path / "x.csv"), tmp_path / "out")
    assert {row["e"] for row in rows_of(tmp_path / "out")} == {None}


def test_rows_without_a_label_go_to_quarantine(tmp_path):
    (tmp_path / "x.csv").write_text(csv_of(50) + "50,n,\n51,n,NA\n")
    summary = run(make(tmp_path / "x.csv"), tmp_path / "out")
    assert summary.quarantined == 2
    assert [(row["line"], row["reason"], row["text"]) for row in quarantine(tmp_path / "out")] == [
        (52, "no label", "50,n,"),
        (53, "no label", "51,n,NA"),
    ]


def test_columns_that_only_some_files_have_are_missing_elsewhere(tmp_path):
    (tmp_path / "a.csv").write_text(csv_of(50))
    (tmp_path / "b.csv").write_text("y,id,extra\n" + "".join(f"0,{row},e\n" for row in range(50, 100)))
    run(make(tmp_path / "*.csv"), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert Counter(row.get("extra") for row in rows) == {None: 50, b"e": 50}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "empty"),
        ("id,name,y\n", "no row that can be used"),
        ("id,name,y\nbad\nworse\n", "no row that can be used"),
        ("id,name,y\n1,a,maybe\n2,b,perhaps\n", "no row that can be used"),
        ("id,name\n1,a\n", "Column `y` is not in the data"),
        ("id;name;y\n1;a;0\n", "Column `y` is not in the data"),
        ("id,name,name,y\n1,a,b,0\n", "same name"),
        ("id,name,y\n1,a,0\n2,b,1\n", "split is empty"),
    ],
)
def test_inputs_that_cannot_be_used(tmp_path, content, what):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DataError, match=what) as raised:
        run(make(tmp_path / "x.csv"), tmp_path / "out")
    error = raised.value
    assert all((error.where, error.expected, error.received, error.fix))
    assert str(tmp_path) in error.where


def test_a_declared_column_that_one_file_lacks_is_told_with_that_file(tmp_path):
    (tmp_path / "a.csv").write_text(csv_of(50))
    (tmp_path / "b.csv").write_text("id,y\n1,0\n")
    with pytest.raises(DataError, match="`name` is not in the data") as raised:
        run(make(tmp_path / "*.csv", {"name": "string"}), tmp_path / "out")
    assert raised.value.where == str(tmp_path / "b.csv")


def test_prepare_computes_the_label_from_other_columns(tmp_path, module):
    module("def prepare(batch):\n    return batch.append_column('odd', pc.equal(pc.bit_wise_and(batch['id'], 1), 1))\n")
    (tmp_path / "x.csv").write_text(csv_of(100))
    settings_ = make(tmp_path / "x.csv", label=LabelSettings(name="odd"), prepare="users_code:prepare")
    run(settings_, tmp_path / "out")
    assert all(row["odd"] == row["id"] % 2 for row in rows_of(tmp_path / "out"))
    assert peek_columns(settings_) == ("id", "name", "y", "odd")


def test_prepare_may_drop_rows(tmp_path, module):
    module("def prepare(batch):\n    return batch.filter(pc.greater(batch['id'], 9))\n")
    (tmp_path / "x.csv").write_text(csv_of(100) + "100,n,\n")
    summary = run(make(tmp_path / "x.csv", prepare="users_code:prepare"), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.dropped, summary.quarantined) == (90, 10, 1)
    (reject,) = quarantine(tmp_path / "out")
    assert (reject["line"], reject["reason"]) == (2, "no label")
    assert "starts here" in reject["text"]


@pytest.mark.parametrize(
    ("source", "what", "received"),
    [
        ("def prepare(batch):\n    return batch['nothing']\n", "failed", "KeyError"),
        ("def prepare(batch):\n    return None\n", "returned something else", "NoneType"),
    ],
)
def test_a_prepare_that_fails_is_named_with_its_batch(tmp_path, module, source, what, received):
    module(source)
    (tmp_path / "x.csv").write_text(csv_of(10))
    with pytest.raises(HeadgateError, match=what) as raised:
        run(make(tmp_path / "x.csv", prepare="users_code:prepare"), tmp_path / "out")
    error = raised.value
    assert "users_code:prepare" in error.where and "x.csv, the batch from line 2" in error.where
    assert received in error.received


def test_a_prepare_that_cannot_be_imported_is_a_fault_of_the_settings(tmp_path):
    (tmp_path / "x.csv").write_text(csv_of(10))
    with pytest.raises(SettingsError, match="cannot be loaded"):
        run(make(tmp_path / "x.csv", prepare="no_such_module:prepare"), tmp_path / "out")


def test_peeking_reads_names_only(tmp_path):
    (tmp_path / "x.csv").write_text(csv_of(1) + "broken")
    assert peek_columns(make(tmp_path / "x.csv")) == ("id", "name", "y")


def test_peeking_at_rows_that_are_all_refused_says_why(tmp_path, module):
    module("def prepare(batch):\n    return batch\n")
    (tmp_path / "x.csv").write_text("id,name,y\n1,a,cheap\n2,b,dear\n")
    with pytest.raises(DataError, match="no row that can be used") as raised:
        peek_columns(make(tmp_path / "x.csv", prepare="users_code:prepare"))
    assert raised.value.where.endswith("x.csv, line 2")
    assert "2 rows in quarantine" in raised.value.received and "'cheap'" in raised.value.received


table = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1) | st.just("oops"),
        st.floats(width=32, allow_nan=False) | st.none(),
        st.text('ab",\nä ', max_size=4),
        st.sampled_from(["0", "1", ""]),
    ),
    min_size=1,
    max_size=30,
)


@given(table, st.integers(20, 200), st.randoms())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_row_is_dealt_once_or_refused_once_in_any_order_and_block_size(tmp_path, monkeypatch, rows, size, random):
    """The same rows in one file and in two, shuffled, in blocks of any size, land in the same splits."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    middle = len(rows) // 2
    one = outcome(tmp_path, monkeypatch, [rows], 1 << 20)
    two = outcome(tmp_path, monkeypatch, [shuffled[:middle], shuffled[middle:]], size)
    assert one == two
    assert one.total() == len(rows)


def outcome(tmp_path, monkeypatch, files, size) -> Counter:
    """How often each row went where: (split, row) of the good ones, reasons of the others."""
    settings_ = make(tmp_path / "*.csv", {"i": "int", "f": "float", "s": "string"})
    paths = [tmp_path / f"{index}.csv" for index in range(len(files))]
    for path, rows in zip(paths, files, strict=True):
        write_csv(path, rows)
    plan = decide({path: survey(path, "csv", settings_) for path in paths}, "csv", settings_)
    monkeypatch.setattr(csv_reader.CsvReader.__init__, "__defaults__", (",", size, None))
    found: Counter = Counter()
    for dealt in (part for path in paths for part in deal(Piece(path), plan)):
        if dealt.examples:
            decoded = ExamplesToRecordBatchDecoder().DecodeBatch(dealt.examples).to_pylist()
            found.update((split, str(sorted(row.items()))) for split, row in zip(dealt.splits, decoded, strict=True))
        found.update(reject.reason for reject in dealt.rejects)
    return found


def write_csv(path: Path, rows) -> None:
    quoted = [
        ",".join('"' + str("" if value is None else value).replace('"', '""') + '"' for value in row) for row in rows
    ]
    path.write_text("\n".join(["i,f,s,y", *quoted]) + "\n", encoding="utf-8", newline="")


@pytest.mark.parametrize(("header", "of_row"), [("id,y", "{},"), ("id", "{}")], ids=["empty", "absent"])
def test_where_labels_may_be_late_rows_without_one_are_kept(tmp_path, header, of_row):
    path = tmp_path / "in.csv"
    path.write_text(f"{header}\n" + "".join(of_row.format(row) + "\n" for row in range(200)))
    found = run(make(path).model_copy(update={"late_labels": True}), tmp_path / "out")
    assert (sum(found.rows.values()), found.quarantined) == (200, 0)
    assert {row.get("y") for row in rows_of(tmp_path / "out")} == {None}
