"""The taxi trips: found, labelled and split by time."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pyarrow.csv
import pytest
from pydantic import ValidationError

from data.sources import SOURCES, materialise
from data.spans import make
from data.taxi import TIME, label_big_tips, trips
from schema.errors import DataError, SettingsError


def test_the_trips_are_found_without_importing_tfx(tmp_path):
    program = "import sys, data.taxi; print(data.taxi.trips()); sys.exit('tfx' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(trips())
    assert materialise("taxi", tmp_path).path == str(trips())
    assert not list(tmp_path.iterdir())


def test_trips_that_are_not_installed_are_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="not there"):
        trips()


def test_a_big_tip_is_more_than_a_fifth_of_the_fare():
    batch = pa.record_batch(
        {"fare": [10.0, 10.0, 0.0, 0.0, None, 5.0, float("nan")], "tips": [2.0, 2.1, 0.0, 1.0, 1.0, None, 1.0]}
    )
    labelled = label_big_tips(batch)
    assert labelled.column("big_tip").to_pylist() == [0, 1, 0, 1, 1, 0, 0]
    assert labelled.schema.field("big_tip").type == pa.int64()
    assert labelled.schema.names == ["fare", "tips", "big_tip"]


def test_columns_read_as_whole_numbers_do_as_well():
    assert label_big_tips(pa.record_batch({"fare": [10], "tips": [3]})).column("big_tip").to_pylist() == [1]


def test_the_label_agrees_with_tfx_s_own_on_every_trip():
    table = pa.csv.read_csv(trips())
    (batch,) = table.combine_chunks().to_batches()
    frame = table.select(["fare", "tips"]).to_pandas().fillna(0).astype("float32")
    expected = (frame["tips"] > frame["fare"] * frame["fare"].dtype.type(0.2)).astype(int)
    assert label_big_tips(batch).column("big_tip").to_pylist() == expected.tolist()


@pytest.mark.parametrize("batch", [{"fare": [1.0]}, {"fare": [1.0], "tips": ["much"]}])
def test_a_missing_or_textual_column_is_told(batch):
    with pytest.raises(DataError, match="tips"):
        label_big_tips(pa.record_batch(batch))


def test_spans_are_in_order_of_time_and_hold_every_trip_as_it_was(tmp_path):
    taxi = SOURCES["taxi"]
    pattern = make(taxi, [taxi.settings()] * 2, tmp_path).pattern
    assert pattern == str(tmp_path / "span-{SPAN}/trips.csv")
    first, second = (pa.csv.read_csv(pattern.format(SPAN=span)) for span in (1, 2))
    assert first.num_rows == second.num_rows == 7501
    assert max(first[TIME].to_pylist()) <= min(second[TIME].to_pylist())
    lines = trips().read_text(encoding="utf-8").splitlines()
    written = [tmp_path / f"span-{span}/trips.csv" for span in (1, 2)]
    rows = [line for path in written for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert sorted(row.replace('"', "") for row in rows) == sorted(line.replace('"', "") for line in lines[1:])


def test_spans_of_calendar_months_hold_what_fell_into_them(tmp_path):
    taxi = SOURCES["taxi"]
    pattern = make(taxi, [taxi.settings(months=3)] * 3, tmp_path).pattern
    quarters = [pyarrow.csv.read_csv(pattern.format(SPAN=span)) for span in (1, 2, 3)]
    assert [quarter.num_rows for quarter in quarters] == [884, 1078, 1126]
    assert [set(quarter["trip_start_month"].to_pylist()) for quarter in quarters] == [{1, 2, 3}, {4, 5, 6}, {7, 8, 9}]
    months = make(taxi, [taxi.settings(months=1)] * 48, tmp_path / "months").pattern
    rows = [pyarrow.csv.read_csv(months.format(SPAN=span)).num_rows for span in range(1, 49)]
    assert (sum(rows), min(rows), max(rows)) == (15_002, 55, 478)


def test_more_months_than_there_are_cannot_be_dealt(tmp_path):
    taxi = SOURCES["taxi"]
    with pytest.raises(SettingsError, match="not enough months") as caught:
        make(taxi, [taxi.settings(months=12)] * 5, tmp_path)
    assert caught.value.received == "60 in 5 spans"


def test_a_span_is_measured_in_rows_or_in_months():
    with pytest.raises(ValidationError, match="not both"):
        SOURCES["taxi"].settings(rows=10, months=1)


def test_an_unknown_source_names_the_nearest(tmp_path):
    with pytest.raises(SettingsError) as caught:
        materialise("taxis", tmp_path)
    assert caught.value.fix == "did you mean `taxi`?"
