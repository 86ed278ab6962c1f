"""Settings held against data."""

from __future__ import annotations

import pytest

from pipeline.check import check, missing_columns
from pipeline.settings_file import load
from schema.errors import DataError, SettingsError

SETTINGS = """\
name: trips
data:
  path: trips.csv
  prepare: PREPARE
  split: {by: customer}
label: {name: tipped}
features:
  columns:
    fare: {}
evaluation:
  slices:
    company: company
  thresholds: {auc: {min: 0.6}}
drift: {features: {fair: {action: block}}}
gate: {features: {fare: {other: warn}}}
"""
COLUMNS = ("customer", "tipped", "fare", "company", "fair")


@pytest.fixture
def loaded(tmp_path):
    def write(prepare: str = "own:prepare"):
        (tmp_path / "own.py").write_text("raise RuntimeError('imported')\n")
        (tmp_path / "trips.yaml").write_text(SETTINGS.replace("PREPARE", prepare))
        return load(str(tmp_path / "trips.yaml"))

    return write


def test_settings_that_fit_have_no_problems(loaded):
    assert not list(missing_columns(loaded(), COLUMNS))


@pytest.mark.parametrize(
    ("column", "place", "line"),
    [
        ("customer", "data.split.by", 5),
        ("company", "evaluation.slices.company", 12),
        ("fair", "drift.features.fair", 14),
    ],
)
def test_a_column_that_is_not_there_is_told_where_it_is_named(loaded, column, place, line):
    problem = next(missing_columns(loaded(), [name for name in COLUMNS if name != column]))
    assert f"`{column}`, which `{place}` names" in problem.what
    assert problem.where.endswith(f"line {line}")


def test_the_nearest_column_is_named(loaded):
    problems = list(missing_columns(loaded(), ["customer", "tipped", "fare", "companies"]))
    assert [problem.fix for problem in problems] == ["did you mean `companies`?", "did you mean `fare`?"]


DATA = "customer,tipped,fare,company,fair\n7,0,1.5,Blue,x\n"


def test_check_looks_at_the_data_as_prepared(loaded, tmp_path):
    (tmp_path / "trips.csv").write_text(DATA)
    settings = loaded("prepared_here:prepare")
    (tmp_path / "prepared_here.py").write_text(
        "def prepare(batch):\n    return batch.append_column('made', batch.column('fare'))\n"
    )
    checked = check(settings)
    assert checked.columns == ("customer", "tipped", "fare", "company", "fair", "made")
    assert checked.unused == ("made",)


@pytest.mark.parametrize(
    ("header", "fix"),
    [
        ("customer,tipped,fares,company,fair", "did you mean `fares`?"),
        ("customer,tipped,company,fair", "did you mean `fair`?"),
        ("customer,fare,company,fair", "correct the data, or the names under `features` and `label`"),
    ],
)
def test_data_without_a_feature_or_the_label_are_refused(loaded, tmp_path, header, fix):
    loaded()
    (tmp_path / "trips.yaml").write_text(SETTINGS.replace("  prepare: PREPARE\n", ""))
    (tmp_path / "trips.csv").write_text(f"{header}\n")
    with pytest.raises(DataError) as caught:
        check(load(str(tmp_path / "trips.yaml")))
    assert caught.value.where == str(tmp_path / "trips.csv")
    assert caught.value.fix == fix


def test_names_that_come_with_the_data_are_shown_bounded_and_printable(loaded):
    problem = next(missing_columns(loaded(), [f"c\x1b{number}" * 50 for number in range(99)]))
    assert "\x1b" not in problem.expected
    assert "c�0c�0" in problem.expected
    assert problem.expected.endswith(" and 49 more")
    assert len(problem.expected) < 50 * 65


def test_check_tells_input_that_is_not_there(loaded):
    with pytest.raises(SettingsError) as caught:
        check(loaded("data.taxi:label_big_tips"))
    assert caught.value.exit_code == 2
    assert "trips.csv" in str(caught.value)


def test_weights_that_are_not_there_are_told_where_they_are_named(loaded, tmp_path):
    loaded()
    settings = load(str(tmp_path / "trips.yaml"), [f"model={{weights: {tmp_path}/none.h5}}"])
    with pytest.raises(SettingsError, match="weights is not there") as caught:
        check(settings)
    assert caught.value.received == str(tmp_path / "none.h5")


@pytest.mark.parametrize("name", ["taxi", "classification"])
def test_the_presets_fit_their_data(name):
    assert load(name).settings.label.name in check(load(name)).columns
