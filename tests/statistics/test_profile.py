"""Statistics of files in a stream, against TFDV's own of the same rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from small_statistics import statistics
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.feature_statistics import by_name, row_count
from components.profile import files
from components.profile.files import profile
from schema.errors import DataError, SettingsError

ROWS = 5000


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    words = np.array([f"wörd{number}" for number in range(900)])
    return pa.table(
        {
            "normal": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1),
            "few": pa.array(random.choice([0.0, 1.5, 2.0], rows)),
            "infinite": pa.array(np.where(random.random(rows) < 0.1, np.inf, random.normal(size=rows))),
            "both": pa.array(random.choice([-np.inf, -1.0, 3.0, np.inf], rows)),
            "constant": pa.array(np.full(rows, 7)),
            "count": pa.array(random.integers(-5, 1000, rows)),
            "word": pa.array(random.choice(words, rows), mask=random.random(rows) < 0.2),
            "lists": pa.array([[float(row % 7)] * (row % 4) or None for row in range(rows)]),
            "none": pa.nulls(rows, pa.string()),
            "bytes": pa.array([random.choice([b"a", b"\xff", b"x" * 2000, b"\xfe"]) for _ in range(rows)], pa.binary()),
        }
    )


def expected(table: pa.Table) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """TFDV's statistics, by name."""
    columns = {
        name: column.combine_chunks()
        if pa.types.is_list(column.type)
        else pa.array([None if value is None else [value] for value in column.to_pylist()], pa.list_(column.type))
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return by_name(statistics(**columns))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("profile") / "table.parquet"
    pq.write_table(table(), path)
    return path


def common(feature):
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats


def buckets(histogram):
    return [(bucket.low_value, bucket.high_value, bucket.sample_count) for bucket in histogram.buckets]


def test_a_batch_has_the_statistics_that_tfdv_finds(path):
    ours, theirs = by_name(profile(str(path)).statistics), expected(table())
    assert list(ours) == list(theirs)
    for name, our in ours.items():
        their = theirs[name]
        assert (our.type, our.WhichOneof("stats")) == (their.type, their.WhichOneof("stats"))
        assert common(our) == common(their)
        assert our.string_stats == their.string_stats
        for field in ("min", "max", "median", "num_zeros"):
            assert getattr(our.num_stats, field) == getattr(their.num_stats, field), name
        if name not in ("infinite", "both"):  # TFDV: infinite or NaN
            for field in ("mean", "std_dev"):
                assert getattr(our.num_stats, field) == pytest.approx(getattr(their.num_stats, field))
        for histogram, other in zip(our.num_stats.histograms, their.num_stats.histograms, strict=True):
            assert histogram.type == other.type
            np.testing.assert_allclose(buckets(histogram), buckets(other), rtol=1e-6, atol=0.01, err_msg=name)


def test_many_batches_change_only_what_is_sketched(path, monkeypatch):
    whole = by_name(profile(str(path)).statistics)
    monkeypatch.setattr(files, "_ROWS", 300)
    parts = by_name(profile(str(path)).statistics)
    for name, part in parts.items():
        assert common(part) == common(whole[name])
        assert part.string_stats == whole[name].string_stats
        assert part.num_stats.mean == pytest.approx(whole[name].num_stats.mean)
        assert part.num_stats.std_dev == pytest.approx(whole[name].num_stats.std_dev)
    ranks = (np.argsort(np.argsort(quantiles(each["normal"]))) for each in (parts, whole))
    assert next(ranks) == pytest.approx(next(ranks))
    assert quantiles(parts["normal"]) == pytest.approx(quantiles(whole["normal"]), abs=0.1)


def quantiles(feature):
    return [bucket.high_value for bucket in feature.num_stats.histograms[1].buckets][:-1]


def test_values_are_counted_exactly_up_to_16384(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 15000, 100_000)
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"word": numbers.astype(str)}), path)
    found = by_name(profile(str(path)).statistics)["word"].string_stats
    counts = Counter(numbers.astype(str).tolist())
    assert found.unique == len(counts)
    assert [bucket.sample_count for bucket in found.rank_histogram.buckets] == sorted(counts.values(), reverse=True)[
        :1000
    ]
    assert all(bucket.sample_count == counts[bucket.label] for bucket in found.rank_histogram.buckets)


def test_csv_parquet_folders_and_globs_are_read_alike(tmp_path):
    rows = table().select(["normal", "count", "word"])
    (tmp_path / "parts").mkdir()
    for number in range(2):
        part = rows.slice(number * 2500, 2500)
        pyarrow.csv.write_csv(part, tmp_path / f"part-{number}.csv")
        pq.write_table(part, tmp_path / f"parts/part-{number}.parquet")
    one, other = profile(str(tmp_path / "part-*.csv")), profile(str(tmp_path / "parts"))
    assert [file.name for file in one.files] == ["part-0.csv", "part-1.csv"]
    assert one.statistics == other.statistics
    assert row_count(one.statistics) == ROWS


def test_rows_that_cannot_be_read_are_counted_and_left_out(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,x\n" * 40 + "2,y,z\nfour,x\n", encoding="utf-8")
    found = profile(str(path))
    assert (row_count(found.statistics), found.refusals) == (40, 2)
    assert "expected 2 fields" in found.refused.reason


def test_a_column_that_some_files_lack_is_missing_there(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [3]}), tmp_path / "2.parquet")
    found = by_name(profile(str(tmp_path)).statistics)
    assert (found["b"].string_stats.common_stats.num_missing, found["a"].num_stats.common_stats.num_missing) == (1, 0)


def test_an_empty_table_has_columns_without_values(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(table(0), path)
    found = profile(str(path))
    assert row_count(found.statistics) == 0
    assert list(by_name(found.statistics)) == table(0).column_names


@pytest.mark.parametrize(
    ("names", "source", "received"),
    [
        ([], "nowhere.parquet", "no such file"),
        (["notes.txt"], "", "a folder without such files"),
        (["notes.txt"], "notes.txt", "notes.txt"),
        (["a.csv", "b.parquet"], "", "a.csv, b.parquet"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, names, source, received):
    for name in names:
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        profile(str(tmp_path / source))
    assert raised.value.received == received


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read"):
        profile(str(path))
