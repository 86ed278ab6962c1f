"""Functions that the settings name: found or told, and never imported."""

from __future__ import annotations

import pytest

from pipeline.own_functions import missing_functions
from pipeline.settings_file import load

SETTINGS = """\
name: trips
data:
  prepare: NAME
  path: trips.csv
label: {name: tipped}
features: {columns: {fare: {}}}
evaluation: {thresholds: {auc: {min: 0.6}}}
"""

OWN = """\
raise RuntimeError("imported")
from elsewhere import borrowed
short = lambda batch: batch
if True:
    def hidden(batch): ...
def prepare(batch): ...
class Callable: ...
"""


@pytest.fixture
def problems(tmp_path):
    def look_for(name: str, own: str = OWN):
        (tmp_path / "own.py").write_text(own)
        (tmp_path / "trips.yaml").write_text(SETTINGS.replace("NAME", repr(name)))
        return list(missing_functions(load(str(tmp_path / "trips.yaml"))))

    return look_for


@pytest.mark.parametrize("function", ["prepare", "borrowed", "short", "hidden", "Callable"])
def test_a_function_is_found_however_its_name_is_bound(problems, function):
    assert problems(f"own:{function}") == []


def test_installed_modules_are_found(problems):
    assert problems("data.taxi:label_big_tips") == []
    assert problems("math:sqrt") == []
    assert problems("own:anything", "from elsewhere import *\n") == []


def test_a_folder_of_data_beside_the_settings_file_hides_no_package(problems, tmp_path):
    (tmp_path / "data").mkdir()
    assert problems("data.taxi:label_big_tips") == []


def test_networks_that_tuning_tries_are_looked_for_too(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    space = "space: {model.build: [dense, 'own:prepare', 'own:prepair']}"
    tuning = f"tuning: {{objective: val_auc, algorithm: grid, {space}}}\n"
    (tmp_path / "trips.yaml").write_text(SETTINGS.replace("NAME", "'own:prepare'") + tuning)
    [problem] = missing_functions(load(str(tmp_path / "trips.yaml")))
    assert "has no `prepair`" in problem.what
    assert problem.where.endswith("trips.yaml, line 8")


def test_a_generator_is_looked_for_where_it_is_used(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    lines = SETTINGS.replace("prepare: NAME", "source: 'own:prepair'")
    for text, count in ((lines, 0), (lines.replace("  path: trips.csv\n", ""), 1)):
        (tmp_path / "trips.yaml").write_text(text)
        assert len(list(missing_functions(load(str(tmp_path / "trips.yaml"))))) == count


def test_a_package_beside_the_settings_file_is_found(problems, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/__init__.py").write_text("")
    (tmp_path / "nets/wide.py").write_text("def build(): ...\n")
    assert problems("nets.wide:build") == []
    assert len(problems("nets:build")) == 1


@pytest.mark.parametrize("name", ["owm:prepare", "own", "own.sub.more:f", ":f"])
def test_a_module_that_is_not_there_is_told(problems, name, tmp_path):
    [problem] = problems(name)
    assert problem.received == name
    assert problem.where.endswith("line 3")
    assert str(tmp_path) in problem.expected


def test_a_function_that_is_not_there_is_told_with_the_nearest(problems):
    [problem] = problems("own:preparre")
    assert problem.what == "The module of `own:preparre` has no `preparre`."
    assert problem.fix == "did you mean `prepare`?"
    assert problem.where.endswith("line 3")


def test_a_module_that_does_not_parse_is_told_with_its_line(problems, tmp_path):
    [problem] = problems("own:prepare", "x = 1\ndef prepare(batch)\n")
    assert problem.where == f"{tmp_path / 'own.py'}, line 2"
