"""`headgate init`: the settings that it drafts from data."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from data.taxi import trips
from pipeline.drafting.draft import draft
from pipeline.drafting.label import choose_label
from pipeline.drafting.profile import profile, read_sample
from pipeline.drafting.text import pipeline_name
from pipeline.settings_file import load
from schema.errors import DataError, SettingsError

ROWS = 400


@pytest.fixture
def table():
    random = np.random.default_rng(7)
    age = random.normal(40, 10, ROWS)
    return pa.table(
        {
            "customer_id": np.arange(ROWS),
            "age": pa.array(age, mask=random.random(ROWS) < 0.1),
            "income": random.lognormal(10, 2, ROWS),
            "children": random.integers(0, 4, ROWS),
            "plan": random.choice(["basic", "plus", "pro"], ROWS),
            "city": [f"city {number % 60}" for number in range(ROWS)],
            "note": [f"this is the long note {number} of a customer" for number in range(ROWS)],
            "country": ["US"] * ROWS,
            "nothing": pa.nulls(ROWS, pa.string()),
            "churned": random.choice(["no", "yes"], ROWS, p=[0.95, 0.05]),
        }
    )


@pytest.fixture
def csv(table, tmp_path):
    pa.csv.write_csv(table, tmp_path / "Customers 2024.csv")
    return tmp_path / "Customers 2024.csv"


def test_a_drafted_file_loads_and_reads_each_column_for_what_it_is(csv, tmp_path):
    said = draft(csv, "churned", tmp_path / "out.yaml")
    assert "`churned` (as you said), a binary task" in said
    loaded = load(str(tmp_path / "out.yaml"))
    settings = loaded.settings
    assert settings.name == "customers_2024"
    assert settings.data.path == str(csv)
    assert settings.label.classes == ("no", "yes")
    columns = settings.features.columns
    assert set(columns) == {"age", "income", "children", "plan", "city"}
    assert columns["age"].steps == ("zscore",)
    assert (columns["age"].impute, columns["age"].indicator) == ("median", True)
    assert columns["income"].steps == ("log", "zscore")
    assert (columns["children"].type, columns["children"].steps) == ("int", ("one_hot",))
    assert (columns["plan"].type, columns["plan"].steps, columns["plan"].size) == ("string", ("one_hot",), 3)
    assert (columns["city"].steps, columns["city"].size) == (("vocabulary",), 60)
    assert set(settings.evaluation.slices) == {"children", "plan"}
    assert settings.evaluation.thresholds["auc"].min == 0.6
    assert settings.training.class_weights == "balanced"
    assert settings.gate.severity("unexpected_value", "city") == "warn"


def test_columns_that_are_left_out_say_why(csv, tmp_path):
    draft(csv, "churned", tmp_path / "out.yaml")
    text = (tmp_path / "out.yaml").read_text(encoding="utf-8")
    for told in (
        "# customer_id: left out, every row has a number of its own",
        "# note: left out, free text",
        "# country: left out, always US",
        "# nothing: left out, no row has a value",
    ):
        assert told in text


def test_parquet_and_gzip_draft_the_same(table, csv, tmp_path):
    pa.parquet.write_table(table, tmp_path / "data.parquet")
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(csv.read_bytes()))
    for name in ("data.parquet", "data.csv.gz"):
        draft(tmp_path / name, "churned", tmp_path / f"{name}.yaml")
    drafts = [load(str(tmp_path / f"{name}.yaml")).settings for name in ("data.parquet", "data.csv.gz")]
    assert drafts[0].features == drafts[1].features
    assert drafts[0].label == drafts[1].label


def test_other_delimiters_are_found(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("a;b;target\n" + "".join(f"{number * 1.5};x, y;{number % 2}\n" for number in range(50)))
    draft(path, None, tmp_path / "out.yaml")
    data = load(str(tmp_path / "out.yaml")).settings.data
    assert (data.delimiter, data.format) == (";", "csv")


@pytest.mark.parametrize(
    ("columns", "label", "task", "why"),
    [
        ({"x": [1.5, 2.5, 3.5, 4.5], "Target": [0, 1, 1, 0]}, "Target", "binary", "name"),
        ({"sex": ["m", "f", "m", "f"], "x": [1.5, 2.5, 3.5, 4.5], "won": [0, 1, 1, 0]}, "won", "binary", "two values"),
        ({"x": [1.5, 2.5, 3.5, 4.5], "class": ["a", "b", "c", "a"]}, "class", "multiclass", "name"),
        ({"x": ["a", "b", "c", "d"], "y": [1.5, 2.5, 3.5, 4.5]}, "y", "regression", "name"),
    ],
)
def test_the_label_is_guessed_and_the_guess_explained(columns, label, task, why):
    chosen = choose_label(profile(pa.table(columns)), None)
    assert (chosen.settings.name, chosen.settings.task) == (label, task)
    assert why in chosen.why


def test_a_label_that_cannot_be_guessed_is_asked_for():
    with pytest.raises(SettingsError, match="cannot be guessed") as caught:
        choose_label(profile(pa.table({"a": [1.5, 2.5, 3.5]})), None)
    assert caught.value.fix == "name it with --label"


def test_a_wrong_label_names_the_nearest_column(csv, tmp_path):
    with pytest.raises(SettingsError) as caught:
        draft(csv, "churn", tmp_path / "out.yaml")
    assert caught.value.fix == "did you mean `churned`?"
    with pytest.raises(SettingsError, match="cannot be a label"):
        draft(csv, "note", tmp_path / "out.yaml")


def test_a_file_is_never_overwritten(csv, tmp_path):
    (tmp_path / "out.yaml").write_text("mine")
    with pytest.raises(SettingsError, match="exists already"):
        draft(csv, "churned", tmp_path / "out.yaml")
    assert (tmp_path / "out.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "empty"), ("a,b\n", "no rows"), ("a,a\n1,2\n", "same name"), (b"a,b\n\xff\xfe\x00,\xff\n", "cannot be read")],
)
def test_data_that_cannot_be_read_are_told(tmp_path, content, told):
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((DataError, SettingsError)) as caught:
        draft(path, None, tmp_path / "out.yaml")
    assert told in str(caught.value) or b"\xff" in path.read_bytes()
    assert not (tmp_path / "out.yaml").exists()


def test_a_file_that_is_not_there_or_no_parquet_is_told(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        draft(tmp_path / "none.csv", None, tmp_path / "out.yaml")
    (tmp_path / "a.parquet").write_text("not parquet")
    with pytest.raises(DataError, match="cannot be read"):
        draft(tmp_path / "a.parquet", None, tmp_path / "out.yaml")


def test_names_that_yaml_would_misread_are_quoted(tmp_path):
    path = tmp_path / "1st: data.csv"
    rows = "".join(f"{number % 7 + 0.5},{number % 3},{number % 2}\n" for number in range(60))
    path.write_text('"a: b",no,"#y"\n' + rows)
    draft(path, "#y", tmp_path / "out.yaml")
    settings = load(str(tmp_path / "out.yaml")).settings
    assert set(settings.features.columns) == {"a: b", "no"}
    assert settings.label.name == "#y"


def test_the_taxi_trips_draft_sensibly(tmp_path):
    draft(trips(), "payment_type", tmp_path / "out.yaml")
    columns = load(str(tmp_path / "out.yaml")).settings.features.columns
    assert columns["fare"].steps == ("log", "zscore")
    assert "trip_start_timestamp" not in columns
    assert "pickup_census_tract" not in columns


@pytest.mark.parametrize(
    ("file", "name"), [("Trips.csv.gz", "trips"), ("2024.csv", "pipeline_2024"), ("ü.csv", "pipeline")]
)
def test_pipeline_names_are_valid(tmp_path, file, name):
    assert pipeline_name(tmp_path / file) == name


def test_profiles_count_missing_words_as_missing(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1.5\nNA\nnan\n\n2.5\n")
    table, _ = read_sample(tmp_path / "a.csv")
    assert profile(table)[0].kind == "float"
