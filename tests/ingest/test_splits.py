from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.ingest import splits
from components.ingest.settings import SplitSettings
from schema.errors import DataError


def batch(**columns) -> pa.RecordBatch:
    arrays = [value if isinstance(value, pa.Array) else pa.array(value) for value in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def assign(rows: pa.RecordBatch, **settings) -> list[int]:
    return splits.assign(rows, SplitSettings(**settings)).tolist()


rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(width=32, allow_nan=False),
        st.none() | st.text(max_size=5),
        st.none() | st.lists(st.integers(0, 3), max_size=2),
    ),
    min_size=1,
)


def table(values) -> pa.RecordBatch:
    kinds = [pa.int64(), pa.float64(), pa.string(), pa.list_(pa.int64())]
    arrays = [pa.array(column, kind) for column, kind in zip(zip(*values, strict=True), kinds, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, ["i", "f", "s", "l"])


@given(rows, st.randoms())
def test_a_row_lands_in_the_same_split_whatever_stands_beside_it(values, random):
    whole = dict(zip(values_key(values), assign(table(values)), strict=True))
    shuffled = list(values)
    random.shuffle(shuffled)
    for value, key in zip(shuffled, values_key(shuffled), strict=True):
        assert assign(table([value])) == [whole[key]]


def values_key(values):
    return [repr(value) for value in values]


def test_the_order_of_the_columns_does_not_matter():
    numbers, words = list(range(100)), [f"w{number}" for number in range(100)]
    assert assign(batch(a=numbers, b=words)) == assign(batch(b=words, a=numbers))


def test_the_splits_are_the_same_in_every_run_and_release():
    assert assign(batch(a=list(range(20)))) == [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("weights", [(8, 1, 1), (1, 1, 1), (3, 2, 5)])
def test_the_splits_have_the_shares_of_their_weights(weights):
    train, evaluation, test = weights
    found = assign(batch(a=list(range(20_000))), train=train, eval=evaluation, test=test)
    shares = np.bincount(found, minlength=3) / 20_000
    np.testing.assert_allclose(shares, np.array(weights) / sum(weights), atol=0.015)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(allow_nan=False)), min_size=1))
def test_a_key_never_straddles_two_splits(values):
    keys, others = zip(*values, strict=True)
    found = assign(batch(key=list(keys), other=list(others)), by="key")
    assert len(set(zip(keys, found, strict=True))) == len(set(keys))


def test_a_key_is_the_same_whether_it_was_read_as_a_number_or_as_text():
    keys = [0, 7, -12, 123456789]
    as_ints = assign(batch(key=keys), by="key")
    assert assign(batch(key=[float(key) for key in keys]), by="key") == as_ints
    assert assign(batch(key=[str(key) for key in keys]), by="key") == as_ints


def test_rows_without_a_key_are_dealt_by_the_whole_row():
    keys = pa.nulls(1000, pa.string())
    assert set(assign(batch(key=keys, other=list(range(1000))), by="key")) == {0, 1, 2}


def test_a_key_that_is_no_column_is_told():
    with pytest.raises(DataError, match="key column") as raised:
        assign(batch(a=[1]), by="b")
    assert raised.value.received == "a"
