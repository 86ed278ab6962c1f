"""Profiles of parts of a table, merged, against the profile of the whole."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.parts import Part, in_order, parts_of
from components.profile.table import TableProfile

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.floats(width=32, allow_nan=True) | st.sampled_from([0.0, np.inf, -np.inf]),
            "count": st.none() | st.integers(-(2**40), 2**40),
            "word": st.none() | st.sampled_from(["a", "b", "ü" * 600]) | st.text(max_size=3),
            "raw": st.none() | st.binary(max_size=3),
            "list": st.none() | st.lists(st.integers(0, 3), max_size=3),
            "image": st.binary(min_size=1, max_size=4),
            "nothing": st.none(),
        }
    ),
    min_size=1,
    max_size=40,
)

SCHEMA = pa.schema(
    {
        **{"number": pa.float32(), "count": pa.int64(), "word": pa.string(), "raw": pa.binary()},
        **{"list": pa.list_(pa.int64()), "image": pa.binary(), "nothing": pa.null()},
    }
)


def profile(*batches: pa.RecordBatch) -> TableProfile:
    table = TableProfile(["image"])
    for batch in batches:
        table.add(batch)
    return table


def merged(profiles) -> TableProfile:
    total = TableProfile(["image"])
    for each in profiles:
        total.merge(each)
    return total


def exact(table: TableProfile):
    """The statistics without mean and deviation, features by name; and these."""
    found = table.statistics()
    found.features.sort(key=lambda feature: feature.path.step[0])
    moments = []
    for feature in found.features:
        moments += [feature.num_stats.mean, feature.num_stats.std_dev]
        feature.num_stats.ClearField("mean")
        feature.num_stats.ClearField("std_dev")
    return found, moments


@given(rows=ROWS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_partition_in_any_order_gives_the_same_statistics(rows, data):
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    cuts = sorted({0, len(rows), *data.draw(st.lists(st.integers(0, len(rows)), max_size=5))})
    pieces = [batch.slice(start, stop - start) for start, stop in pairwise(cuts)]
    parts = [profile(piece) for piece in data.draw(st.permutations(pieces))]
    # Merged as workers do: sent from one to another, and in two levels.
    middle = data.draw(st.integers(0, len(parts)))
    travelled = pickle.loads(pickle.dumps(parts))  # noqa: S301
    together = merged([merged(travelled[:middle]), merged(travelled[middle:])])
    (found, moments), (expected, wanted) = exact(together), exact(profile(batch))
    assert found == expected
    assert moments == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_ten_thousand_numbers_and_sixteen_thousand_words_are_exact_however_they_are_divided():
    random = np.random.default_rng(0)
    words = random.permutation(np.arange(20_000) % 16_384).astype(str)
    batch = pa.record_batch({"number": random.normal(size=10_000), "word": words[:10_000]})
    rest = pa.record_batch({"word": words[10_000:]})
    expected, _ = exact(profile(batch, rest))
    for size in (137, 2_000, 9_999):
        pieces = [profile(batch.slice(start, size)) for start in range(0, 10_000, size)]
        pieces += [profile(rest.slice(start, size)) for start in range(0, 10_000, size)]
        assert exact(merged(pieces[::-1]))[0] == expected


def test_quantiles_of_many_numbers_stay_within_the_sketch_s_error():
    numbers = np.random.default_rng(1).normal(size=400_000)
    parts = np.array_split(numbers, 37)
    exact_ranks = np.sort(numbers)
    for order in (parts, parts[::-1]):
        table = merged(profile(pa.record_batch({"number": part})) for part in order)
        (feature,) = table.statistics().features
        edges = [bucket.high_value for bucket in feature.num_stats.histograms[1].buckets]
        ranks = np.searchsorted(exact_ranks, edges) / len(numbers)
        assert ranks == pytest.approx(np.arange(1, 51) / 50, abs=0.001)


def test_the_same_parts_in_the_same_order_are_the_same_to_the_last_bit():
    numbers = np.random.default_rng(2).normal(size=300_000)
    parts = [profile(pa.record_batch({"number": part})) for part in np.array_split(numbers, 7)]
    sent = [pickle.loads(pickle.dumps((index, part))) for index, part in enumerate(parts)]  # noqa: S301
    shuffled = [sent[index] for index in (3, 0, 6, 2, 5, 1, 4)]
    assert merged(in_order(shuffled)).statistics() == merged(parts).statistics()


@given(sizes=st.lists(st.integers(0, 50), max_size=30), part=st.integers(1, 100))
def test_parts_are_consecutive_files_of_a_certain_size_in_all(tmp_path_factory, sizes, part):
    folder = tmp_path_factory.mktemp("files")
    files = [folder / f"{index:03d}" for index in range(len(sizes))]
    for file, size in zip(files, sizes, strict=True):
        file.write_bytes(bytes(size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.parts.PART_BYTES", part)
        patch.setattr("components.parts.MOST_PARTS", 4)
        found = parts_of("train", files)
    assert [file for each in found for file in each.files] == files
    assert [each.index for each in found] == list(range(len(found)))
    assert len(found) <= 5
    assert all(sum(file.stat().st_size for file in each.files) >= part for each in found[:-1])
    assert found == [Part("train", each.index, each.files) for each in found]
