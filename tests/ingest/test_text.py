from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.ingest import text
from components.ingest.text import Evidence


def parse(values: list[bytes | None], to: str) -> tuple[list[object], list[int]]:
    column, bad = text.parse(pa.array(values, pa.binary()), to)
    return column.to_pylist(), [row for row, refused in enumerate(bad.to_pylist() if bad else []) if refused]


def test_numbers_in_all_their_spellings():
    values = [b"1", b"-2.5", b"+3", b" 4 ", b".5", b"6.", b"7e2", b"inf", b"-Infinity"]
    assert parse(values, "float") == ([1, -2.5, 3, 4, 0.5, 6, 700, float("inf"), float("-inf")], [])


def test_integers_may_be_written_as_floats_without_a_fraction():
    assert parse([b"1", b"+2", b"3.0", b"4e2", b"007"], "int") == ([1, 2, 3, 400, 7], [])


@pytest.mark.parametrize("to", ["float", "int"])
def test_missing_numbers(to):
    values = [b"", b"NA", b"n/a", b"NaN", b"null", b"None", b"  ", None, b"1"]
    assert parse(values, to) == ([None] * 8 + [1], [])


def test_only_the_empty_string_is_missing():
    assert parse([b"", b"NA", b"null", None], "string") == ([None, "NA", "null", None], [])


@pytest.mark.parametrize("value", [b"abc", b"1_0", b"0x1f", b"1,5", b"--1", b"1e", b"nan(1)", b"\xff", "٣".encode()])
@pytest.mark.parametrize("to", ["float", "int"])
def test_text_is_no_number(value, to):
    assert parse([b"1", value, b"2"], to) == ([1, None, 2], [1])


def test_the_ends_of_int64():
    values = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809"]
    assert parse(values, "int") == ([2**63 - 1, -(2**63), None, None], [2, 3])
    assert "beyond the range of int64" in text.refusal("id", values[2], "int")


def test_a_fraction_is_no_integer():
    assert parse([b"1", b"2.5"], "int") == ([1, None], [1])
    assert text.refusal("age", b"2.5", "int") == "`age`: expected an integer, received '2.5'"


def test_invalid_utf8_is_found_by_row():
    assert parse([b"a", b"\xff", "ä".encode()], "string") == (["a", None, "ä"], [1])
    assert "invalid UTF-8 at byte 2" in text.refusal("name", b"a\xff", "string")


@given(st.lists(st.text("+-.eEinfatyx0123 9", max_size=8)), st.sampled_from(["float", "int"]))
def test_a_value_reads_the_same_whatever_stands_beside_it(values, to):
    encoded = [value.encode() for value in values]
    together, bad = parse([*encoded, b"not a number"], to)  # sends the whole column down the slower path
    for row, value in enumerate(encoded):
        alone, refused = parse([value], to)
        assert (alone, bool(refused)) == ([together[row]], row in bad)


@given(st.lists(st.binary(max_size=6)))
def test_evidence_counts_every_value_that_is_not_missing(values):
    found = text.evidence(pa.array(values, pa.binary()))
    floats, refused = parse(values, "float")
    numbers = sum(value is not None for value in floats)
    assert found.ints + found.floats + found.huge == numbers
    assert found.texts == len(refused)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([b"1", b"2", b""], "int"),
        ([b"1", b"2.5"], "float"),
        ([b"1.0", b"2.0"], "float"),
        ([b"1"] * 99 + [b"9" * 20], "int"),
        ([b"inf", b"1"], "float"),
        ([b"2020-01-01", b"1"], "string"),
        ([b"NA", b"null"], "string"),
    ],
)
def test_the_type_that_values_show(values, kind):
    assert text.evidence(pa.array(values, pa.binary())).type() == kind


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        (Evidence(ints=100), "int"),
        (Evidence(ints=99, floats=1), "float"),
        (Evidence(ints=95, texts=5), "int"),
        (Evidence(ints=94, texts=6), "string"),
        (Evidence(ints=95, huge=5), "int"),
        (Evidence(floats=1, huge=99), "float"),
        (Evidence(huge=100), "string"),
        (Evidence(texts=1), "string"),
        (Evidence(), "string"),
    ],
)
def test_the_type_of_a_column_follows_from_all_its_values(evidence, kind):
    assert evidence.type() == kind


@given(st.lists(st.builds(Evidence, ints=st.integers(0, 9), texts=st.integers(0, 9), many=st.booleans())))
def test_evidence_adds_up_in_any_order(parts):
    assert sum(parts, Evidence()) == sum(reversed(parts), Evidence())
