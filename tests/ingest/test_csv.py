from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.ingest.chunks import Chunk, Column
from components.ingest.csv_reader import CsvReader
from schema.errors import DataError

STRINGS = {name: Column("string") for name in "ab"}


def write(tmp_path: Path, content: bytes | str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, columns: dict[str, Column] = STRINGS, **options: object) -> tuple[list[tuple], list[Chunk]]:
    """(line, values...) of all good rows, and the chunks."""
    chunks = list(CsvReader(**options).chunks(path, columns))
    rows = [
        (int(line), *values.values())
        for chunk in chunks
        for line, values in zip(chunk.lines, chunk.batch.to_pylist(), strict=True)
    ]
    return rows, chunks


def rejects(chunks: list[Chunk]) -> list[tuple[int, str, str]]:
    return [(reject.line, reject.reason, reject.text) for chunk in chunks for reject in chunk.rejects]


def test_lines_are_counted_through_blank_lines_and_quoted_line_ends(tmp_path):
    rows, _ = read(write(tmp_path, 'a,b\n1,x\n\n2,"y\nz"\n\n\n3,w'))
    assert rows == [(2, "1", "x"), (4, "2", "y\nz"), (8, "3", "w")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_every_line_end_and_block_size_gives_the_same_rows(tmp_path, end, size):
    rows, _ = read(write(tmp_path, end.join(["a,b", "1,x", "2,y", ""])), block_size=size)
    assert rows == [(2, "1", "x"), (3, "2", "y")]


def test_gzip_is_known_by_its_content(tmp_path):
    rows, _ = read(write(tmp_path, gzip.compress(b"a,b\n1,x\n")))
    assert rows == [(2, "1", "x")]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert CsvReader().columns(write(tmp_path, "\ufeffa,b\n1,2\n")) == ("a", "b")


def test_ragged_rows_are_rejected_by_line(tmp_path):
    rows, chunks = read(write(tmp_path, "a,b\n1,x\n2\n\n3,y,z\n4,w\n"))
    assert rows == [(2, "1", "x"), (6, "4", "w")]
    assert rejects(chunks) == [(3, "expected 2 fields, received 1", "2"), (5, "expected 2 fields, received 3", "3,y,z")]


def test_text_in_a_numeric_column_is_rejected_by_line(tmp_path):
    path = write(tmp_path, "a,b\n1,x\noops,y\n3,z\n")
    rows, chunks = read(path, {"a": Column("int"), "b": Column("string")})
    assert rows == [(2, 1, "x"), (4, 3, "z")]
    assert rejects(chunks) == [(3, "`a`: expected an integer, received 'oops'", "oops,y")]


def test_invalid_utf8_is_rejected_by_line(tmp_path):
    rows, chunks = read(write(tmp_path, b"a,b\n1,x\n2,\xff\n"))
    assert rows == [(2, "1", "x")]
    assert [(line, reason) for line, reason, _ in rejects(chunks)] == [(3, "`b`: invalid UTF-8 at byte 1 of b'\\xff'")]


def test_a_quote_that_is_never_closed_costs_its_line_only(tmp_path):
    rows, chunks = read(write(tmp_path, 'a,b\n1,"x\n2,y\n3,z\n'))
    assert rows == [(3, "2", "y"), (4, "3", "z")]
    assert rejects(chunks) == [(2, "a quote is opened and never closed", '1,"x')]


def test_a_quote_within_an_unquoted_field_is_a_character(tmp_path):
    rows, _ = read(write(tmp_path, 'a,b\n5" pipe,x\n6" pipe,y\n7,"z"\n'))
    assert rows == [(2, '5" pipe', "x"), (3, '6" pipe', "y"), (4, "7", "z")]


def test_the_text_of_a_row_can_be_had_after_others_were_rejected(tmp_path):
    _, (chunk,) = read(write(tmp_path, "a,b\n1\n2,y\n3,z\n"))
    assert [chunk.text(row) for row in range(2)] == ["2,y", "3,z"]


def test_evidence_is_gathered_over_all_blocks_for_unknown_columns(tmp_path):
    path = write(tmp_path, "a,b\n1,x\n2.5,y\n,z\n")
    found = CsvReader(block_size=4).survey(path, {"b"})
    assert {name: (one.ints, one.floats, one.texts) for name, one in found.items()} == {"a": (1, 1, 0)}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b,a\n1,2,3\n", "same name"),
        (b"a,,b\n1,2,3\n", "Column 2 has no name"),
        (b"\xff\xfea\x00,\x00b\x00", "not UTF-8"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-20], "cut short"),
        (b"\x1f\x8bnot gzip", "damaged"),
    ],
)
def test_files_that_cannot_be_read_at_all(tmp_path, content, what):
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=what) as raised:
        read(path)
    assert str(path) in (raised.value.where or "")
    assert raised.value.expected and raised.value.received and raised.value.fix


def test_a_header_alone_has_columns_and_no_rows(tmp_path):
    path = write(tmp_path, "a,b\n")
    assert CsvReader().columns(path) == ("a", "b")
    assert read(path) == ([], [])


@given(
    rows=st.lists(st.tuples(*[st.text('xy",\n\r ü', max_size=5)] * 2), min_size=1, max_size=8),
    size=st.integers(1, 40),
)
def test_what_was_written_is_read_back(tmp_path_factory, rows, size):
    target = io.StringIO(newline="")
    writer = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    path = write(tmp_path_factory.mktemp("csv"), target.getvalue())
    found, chunks = read(path, block_size=size)
    written = [tuple(value or None for value in row) for row in rows]
    assert [row[1:] for row in found] == written
    assert rejects(chunks) == []


@given(content=st.text('a1",\n\r', max_size=40), size=st.integers(1, 50))
def test_every_record_is_either_read_or_rejected_whatever_the_block_size(tmp_path_factory, content, size):
    path = write(tmp_path_factory.mktemp("csv"), "a,b\n" + content + "\n")
    small_rows, small = read(path, block_size=size)
    large_rows, large = read(path, block_size=1 << 20)
    assert small_rows == large_rows
    assert rejects(small) == rejects(large)
    lines = [row[0] for row in large_rows] + [line for line, _, _ in rejects(large)]
    assert len(set(lines)) == len(lines)


def test_a_file_that_ends_in_the_middle_of_a_line_is_refused(tmp_path):
    path = write(tmp_path, "a,b\n1,x\n2")
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.what == "The file ends in the middle of a line."
    assert caught.value.where == f"{path}, line 3"
    assert caught.value.received == "1 fields: 2"


def test_a_last_line_without_its_end_is_a_line(tmp_path):
    assert read(write(tmp_path, "a,b\n1,x\n2,y"))[0] == [(2, "1", "x"), (3, "2", "y")]
