"""Large files are divided: what their pieces become, together, is what the whole file would."""

from __future__ import annotations

import gzip
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingested import quarantine, rows_of, run

from components.beam import BeamSettings
from components.ingest import csv_blocks, shards, survey
from components.ingest.pieces import between
from components.ingest.settings import DataSettings, IngestSettings
from components.ingest.shards import ingest
from components.ingest.spans import resolve
from components.label import LabelSettings
from schema.errors import DataError


def make(path: Path) -> IngestSettings:
    return IngestSettings(data=DataSettings(path=str(path)), columns={"id": "int"}, label=LabelSettings(name="y"))


@pytest.fixture
def piece_bytes(monkeypatch):
    def choose(size: int) -> None:
        monkeypatch.setattr(shards, "PIECE_BYTES", size)
        monkeypatch.setattr(survey, "PIECE_BYTES", size)

    return choose


def csv_with_quoted_lines(rows: int) -> str:
    """Some rows with line ends and quotes in a field, some refused, some blank."""
    text = "id,note,y\n"
    for row in range(rows):
        text += ["", f'{row},"two\nlines, ""{row}""",1\n', f"{row},plain,0\r\n", f"x{row},bad,1\n", "\n"][row % 5]
    return text


def records(blocks) -> list[tuple[bytes, int, bool]]:
    """Each record with its physical line, and whether it is one of an unclosed quote."""
    return [
        (block.data[start:end], int(line), block.unclosed)
        for block in blocks
        for start, end, line in zip(block.starts, block.ends, block.lines, strict=True)
    ]


@given(
    text=st.text(st.sampled_from('ab,"\n\r é'), min_size=1, max_size=200),
    mark=st.sampled_from(["", "\ufeff"]),
    every=st.integers(3, 40),
    size=st.integers(3, 30),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_have_the_records_and_lines_of_the_file(tmp_path, text, mark, every, size):
    path = tmp_path / "x.csv"
    path.write_bytes((mark + text).encode())
    pieces = between(path, csv_blocks.places(path, ",", every))
    divided = [
        record
        for piece in pieces
        for record in records(csv_blocks.blocks(path, ",", size, piece.start, piece.stop, piece.line))
    ]
    assert divided == records(csv_blocks.blocks(path, ",", size))
    assert len(pieces) <= 1 + path.stat().st_size // every


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_large_file_becomes_many_shards_with_the_same_rows_in_the_same_order(tmp_path, piece_bytes, form):
    path = tmp_path / f"x.{form}"
    if form == "csv":
        path.write_text(csv_with_quoted_lines(2000), newline="")
    else:
        columns = {"id": [*range(1500), *[f"x{row}" for row in range(20)]], "note": ["ü"] * 1520, "y": [0, 1] * 760}
        pq.write_table(pa.table({**columns, "id": list(map(str, columns["id"]))}), path, row_group_size=100)
    whole = run(make(path), tmp_path / "whole")
    piece_bytes(2000)
    divided = run(make(path), tmp_path / "divided")
    assert divided == whole
    names = sorted(file.name for file in (tmp_path / "divided/Split-train").iterdir())
    assert len(names) > 5
    assert names[0] == f"data_tfrecord-00000-of-{len(names):05d}"
    for split in ("train", "eval", "test"):
        assert rows_of(tmp_path / "divided", split) == rows_of(tmp_path / "whole", split)
    assert quarantine(tmp_path / "divided") == quarantine(tmp_path / "whole")


@pytest.mark.slow
def test_worker_processes_write_the_same_shards(tmp_path, piece_bytes):
    path = tmp_path / "x.csv"
    path.write_text(csv_with_quoted_lines(2000), newline="")
    piece_bytes(2000)
    alone = run(make(path), tmp_path / "alone")
    options = BeamSettings(mode="multi_processing", workers=2).pipeline_args()
    settings_ = make(path)
    shared = ingest(resolve(settings_.data), settings_, tmp_path / "shared", lambda: beam.Pipeline(argv=options))
    assert shared == alone
    for split in ("train", "eval", "test"):
        assert rows_of(tmp_path / "shared", split) == rows_of(tmp_path / "alone", split)


def test_a_column_s_type_is_found_in_all_pieces(tmp_path, piece_bytes):
    path = tmp_path / "x.csv"
    path.write_text("id,n,y\n" + "".join(f"{row},{row if row < 900 else row + 0.5},{row % 2}\n" for row in range(1000)))
    piece_bytes(2000)
    run(make(path), tmp_path / "out")
    assert {type(row["n"]) for row in rows_of(tmp_path / "out")} == {float}


def test_a_gzip_file_is_one_piece(tmp_path, piece_bytes):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(csv_with_quoted_lines(500).encode()))
    piece_bytes(100)
    run(make(path), tmp_path / "out")
    assert len(list((tmp_path / "out/Split-train").iterdir())) == 1


def test_a_large_file_that_cannot_be_read_is_told(tmp_path, piece_bytes):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(200))
    piece_bytes(100)
    with pytest.raises(DataError, match="cannot be read"):
        run(make(path), tmp_path / "out")
