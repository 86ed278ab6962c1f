"""`headgate schema`: from a run's statistics to a curated schema, and what changed since."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.history import History
from schema.curation import read, write

SETTINGS = """\
name: trips
data: {path: trips.csv}
label: {name: tipped}
features: {columns: {fare: {}, company: {type: string}}}
evaluation: {thresholds: {auc: {min: 0.6}}}
"""
TRAIN = {"fare": [1.5, 2.5, 3.5, 4.5], "company": ["Blue", "Green", "Blue", "Green"], "tipped": [0, 1, 0, 1]}


@pytest.fixture
def saw(tmp_path, monkeypatch):
    """Makes the latest run one that saw the given splits."""

    def write(**splits: dict[str, list[object]]) -> None:
        for split, columns in splits.items():
            path = tmp_path / "statistics" / f"Split-{split}" / "FeatureStats.pb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns)).SerializeToString())
        monkeypatch.setattr(History, "latest_statistics", lambda self, pipeline: tmp_path / "statistics", raising=False)

    (tmp_path / "trips.yaml").write_text(SETTINGS)
    return write


@pytest.fixture
def schema(tmp_path):
    def call(*arguments: str):
        command = ["schema", *arguments[:1], str(tmp_path / "trips.yaml"), "-w", str(tmp_path / "w"), *arguments[1:]]
        return CliRunner().invoke(app, command)

    return call


def test_what_the_data_show_is_accepted_compared_and_shown(saw, schema, tmp_path):
    saw(train=TRAIN, test={**TRAIN, "company": ["Red"] * 4})
    accepted = schema("accept")
    assert accepted.exit_code == 0, accepted.output
    written = read(tmp_path / "schema/trips.pbtxt")
    assert {feature.name for feature in written.feature} == {"fare", "company", "tipped"}
    assert {value for domain in written.string_domain for value in domain.value} >= {"Blue", "Green", "Red"}
    assert set(written.default_environment) == {"TRAINING", "SERVING"}
    assert "The data look as" in schema("diff").stdout
    assert 'name: "fare"' in schema("show").stdout

    saw(train={**TRAIN, "company": ["Black"] * 4, "tolls": [1.0] * 4})
    text = schema("diff").stdout
    assert "tolls" in text
    assert "'Black'" in text
    changes = json.loads(schema("diff", "--json").stdout)
    assert "tolls" in {change["feature"] for change in changes}


def test_what_a_person_wrote_stays_when_new_data_are_accepted(saw, schema, tmp_path):
    saw(train=TRAIN)
    schema("accept")
    path = tmp_path / "schema/trips.pbtxt"
    written = read(path)
    [fare] = [feature for feature in written.feature if feature.name == "fare"]
    fare.float_domain.min = 0
    fare.float_domain.max = 100
    write(written, path)
    assert "The data look as" in schema("diff").stdout

    saw(train={**TRAIN, "company": ["Black"] * 4})
    assert schema("accept").exit_code == 0
    widened = read(path)
    [fare] = [feature for feature in widened.feature if feature.name == "fare"]
    assert (fare.float_domain.min, fare.float_domain.max, fare.float_domain.disallow_nan) == (0, 100, True)
    assert {value for domain in widened.string_domain for value in domain.value} == {"Blue", "Green", "Black"}


def test_a_column_that_the_data_no_longer_have_goes(saw, schema, tmp_path):
    saw(train={**TRAIN, "tolls": [1.0] * 4})
    schema("accept")
    saw(train=TRAIN)
    assert "tolls" in schema("diff").stdout
    schema("accept")
    assert {feature.name for feature in read(tmp_path / "schema/trips.pbtxt").feature} == {"fare", "company", "tipped"}


def test_without_a_curated_schema_there_is_nothing_to_compare(saw, schema):
    saw(train=TRAIN)
    result = schema("diff")
    assert result.exit_code == 2
    assert "headgate schema accept" in result.stderr


def test_without_a_run_there_is_nothing_to_accept(saw, schema, monkeypatch):
    monkeypatch.setattr(History, "latest_statistics", lambda self, pipeline: None, raising=False)
    result = schema("accept")
    assert result.exit_code == 2
    assert "--to statistics" in result.stderr
