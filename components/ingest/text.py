"""Text to numbers and strings, a column at a time, and which type a column of text has.

Arrow's casts do the common case; a column with a value that they refuse, or read in another way than the rules
below, takes the slower path by regular expressions, which are the reference. The rules:

- a float is a decimal number with optional sign, point and exponent, or `inf` / `infinity`, any case;
- an integer is a float without a fraction; between -2^63 and 2^63 - 1;
- white space around a number does not count;
- the empty field and the words in `MISSING`, any case, are a missing number; a string is missing only if empty.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.label import ColumnType

MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "+nan", "-nan", "null", "none")

NUMERIC_SHARE = 0.95
"""A column without a declared type is numeric if at least this share of its values are numbers; the rows of the
others go to quarantine. Below it, the column is a string. One stray word in twenty is a broken number; more of
them are a vocabulary."""

_INTEGER = r"^[+-]?[0-9]+$"
_NUMBER = r"(?i)^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)$"
_MISSING = pa.array(MISSING)
_EXACT = 2.0**53
_MAX_DIGITS = 18
_TRIED = 16

_MAY_BE_NUMBER_OR_MISSING = np.zeros(256, bool)
_MAY_BE_NUMBER_OR_MISSING[list(b"0123456789+-.iInN#<") + list(range(33)) + list(range(128, 256))] = True
"""First bytes of numbers, missing words and white space (which UTF-8 also writes above 127)."""


@dataclass(frozen=True)
class Evidence:
    """How many of a column's values could be what. Missing values count nowhere."""

    ints: int = 0
    floats: int = 0
    huge: int = 0
    """Integers beyond int64."""
    texts: int = 0
    raw: int = 0
    """Values of a binary type, which are never numbers and need not be UTF-8."""
    many: bool = False
    """Whether a row may hold more than one value."""

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            self.ints + other.ints,
            self.floats + other.floats,
            self.huge + other.huge,
            self.texts + other.texts,
            self.raw + other.raw,
            self.many or other.many,
        )

    def type(self) -> ColumnType:
        """The type that fits the column: `string` where all is missing."""
        whole = self.ints + (self.huge if self.floats else 0)
        numbers = whole + self.floats
        total = self.ints + self.floats + self.huge + self.texts + self.raw
        if not numbers or numbers < NUMERIC_SHARE * total:
            return "string"
        return "float" if self.floats else "int"


def parse(values: pa.BinaryArray, to: ColumnType) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Converts a column of text.

    Args:
      values: the fields as bytes; null is missing.
      to: the type to convert to.

    Returns:
      The converted column (float64, int64 or string; null where missing or refused), and a mask of the refused
      values, None where there is none.
    """
    values = _empty_to_null(values)
    if to == "string":
        text, bad = _utf8(values)
        return text, bad if pc.any(bad).as_py() else None
    numbers = _cast(values, pa.int64() if to == "int" else pa.float64())
    if numbers is not None:
        return numbers, None
    text, bad = _utf8(values)
    text = pc.utf8_trim_whitespace(text)
    missing = pc.or_(pc.is_null(text), pc.is_in(pc.ascii_lower(text), value_set=_MISSING))
    numbers = _parse_ints(text) if to == "int" else _parse_floats(text)
    bad = pc.or_(bad, pc.and_not(pc.is_null(numbers), missing))
    return numbers, bad if pc.any(bad).as_py() else None


def refusal(column: str, value: object, to: ColumnType) -> str:
    """The reason why `parse` refused a value."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            return f"`{column}`: invalid UTF-8 at byte {error.start + 1} of {value[:20]!r}"
    if to == "float":
        return f"`{column}`: expected a number, received {str(value)[:40]!r}"
    with suppress(ValueError):
        number = float(str(value))
        if number.is_integer() and not -(2**63) <= int(number) < 2**63:
            return f"`{column}`: {str(value)[:40]} is beyond the range of int64"
    return f"`{column}`: expected an integer, received {str(value)[:40]!r}"


def evidence(values: pa.BinaryArray) -> Evidence:
    """Counts what a column of text holds."""
    values = _empty_to_null(values)
    present = len(values) - values.null_count
    if not present or _cast(values, pa.int64()) is not None:
        return Evidence(ints=present)
    floats = _cast(values, pa.float64())
    if floats is not None and pc.any(pc.not_equal(pc.floor(floats), floats)).as_py():
        return Evidence(floats=present)  # with one fraction among them, integers count as floats too
    values = values.drop_null()
    text, _ = _utf8(values.filter(pa.array(_MAY_BE_NUMBER_OR_MISSING[_first_bytes(values)])))
    text = pc.utf8_trim_whitespace(text)
    missing = _count(pc.is_in(pc.ascii_lower(text), value_set=_MISSING))
    integers = text.filter(pc.match_substring_regex(text, _INTEGER))
    numbers = _count(pc.match_substring_regex(text, _NUMBER))
    huge = _parse_ints(integers).null_count
    return Evidence(len(integers) - huge, numbers - len(integers), huge, present - numbers - missing)


def _empty_to_null(values: pa.BinaryArray) -> pa.BinaryArray:
    lengths = pc.binary_length(values)
    return pc.if_else(pc.equal(lengths, 0), None, values) if pc.min(lengths).as_py() == 0 else values


def _utf8(values: pa.BinaryArray) -> tuple[pa.StringArray, pa.BooleanArray]:
    """The values as strings, and a mask of those that are no UTF-8 (null in the strings)."""
    with suppress(pa.ArrowInvalid):
        return values.cast(pa.string()), pa.array(np.zeros(len(values), bool))
    bad = np.array([value is not None and not _is_utf8(value) for value in values.to_pylist()])
    return pc.if_else(pa.array(bad), None, values).cast(pa.string()), pa.array(bad)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cast(values: pa.BinaryArray, to: pa.DataType) -> pa.Array | None:
    """Arrow's own conversion; None where it refuses a value or reads it in another way than the rules say.

    A cast that fails costs twenty times one that succeeds, since Arrow words an error for each value: a few values
    are tried first.
    """
    if len(values) > _TRIED and _cast(values[:_TRIED], to) is None:
        return None
    try:
        text = values.cast(pa.string())
        numbers = text.cast(to)
    except pa.ArrowInvalid:
        return None
    # Arrow reads `nan` as a number, and `0x1f` as an integer.
    odd = pc.is_nan(numbers) if pa.types.is_floating(to) else pc.match_substring(text, "x", ignore_case=True)
    return None if pc.any(odd).as_py() else numbers


def _parse_floats(text: pa.StringArray) -> pa.DoubleArray:
    """Floats by the rules; null where there is none."""
    number = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    return pc.if_else(number, text, None).cast(pa.float64())


def _parse_ints(text: pa.StringArray) -> pa.Int64Array:
    """Integers by the rules; null where there is none, or one beyond int64."""
    whole = pc.fill_null(pc.match_substring_regex(text, _INTEGER), False)
    short = pc.and_(whole, pc.fill_null(pc.less_equal(pc.utf8_length(text), _MAX_DIGITS), False))
    ints = pc.utf8_ltrim(pc.if_else(short, text, None), "+").cast(pa.int64())
    floats = _parse_floats(pc.if_else(whole, None, text))
    ints = pc.coalesce(ints, whole_floats(floats))
    long = np.flatnonzero(pc.and_not(whole, short))
    if not len(long):
        return ints
    result = ints.to_pylist()
    for index in long:
        value = int(text[int(index)].as_py()) if len(text[int(index)].as_py()) < 4000 else 2**63
        result[index] = value if -(2**63) <= value < 2**63 else None
    return pa.array(result, pa.int64())


def whole_floats(floats: pa.DoubleArray) -> pa.Int64Array:
    """Floats without a fraction as integers; null for all others, and beyond 2^53, where floats skip integers."""
    whole = pc.and_(pc.equal(pc.floor(floats), floats), pc.less_equal(pc.abs(floats), _EXACT))
    return pc.if_else(pc.fill_null(whole, False), floats, None).cast(pa.int64())


def _first_bytes(values: pa.BinaryArray) -> np.ndarray:
    """First byte of each value; the values are neither null nor empty."""
    _, offsets, data = values.buffers()
    starts = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values)]
    return np.frombuffer(data, np.uint8)[starts] if len(starts) else np.zeros(0, np.uint8)


def _count(mask: pa.BooleanArray) -> int:
    return pc.sum(mask).as_py() or 0
