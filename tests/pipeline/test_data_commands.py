"""`headgate data`: what it writes, what it prints, and how wrong settings are told."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data.sources import SOURCES
from pipeline.cli import app
from pipeline.settings_file import presets


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["data", *arguments])


def test_list_names_every_data_set_with_its_settings(call):
    text = call("list").stdout
    assert all(name in text for name in SOURCES)
    assert "lighting=1.0" in text
    records = {each["name"]: each for each in json.loads(call("list", "--json").stdout)}
    assert records["textures"]["settings"]["defect_rate"] == 0.3
    assert records["mnist"]["settings"]["from"] is None


def test_make_writes_spans_and_prints_what_runs_on_them(call, tmp_path):
    result = call("make", "textures", "--spans", "2", "--rows", "10", "--set", "size=16")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "span 1, 2: written",
        "data.path: textures/span-{SPAN}",
        "Run the latest span: headgate run images --set 'data.path=textures/span-{SPAN}'",
    ]
    assert {path.name for path in (tmp_path / "textures/span-2").iterdir()} == {"good", "defect"}


def test_a_setting_may_have_a_value_for_each_span(call, tmp_path):
    options = ("--rows", "10", "--set", "size=16", "--set", "lighting=1.0, 0.3", "--seed", "3")
    assert call("make", "textures", "--spans", "2", *options).exit_code == 0
    bright, dark = (
        np.mean([np.asarray(Image.open(path)).mean() for path in (tmp_path / "textures").glob(f"span-{span}/*/*.png")])
        for span in (1, 2)
    )
    assert dark < 0.5 * bright


def test_json_is_for_a_program(call):
    arguments = ("make", "digits", "--spans", "2", "-o", "out", "--json")
    record = json.loads(call(*arguments).stdout)
    assert record == {
        "source": "digits",
        "pattern": "out/span-{SPAN}/digits.npz",
        "written": [1, 2],
        "kept": [],
        "run": "headgate run mnist-cnn --set 'data.path=out/span-{SPAN}/digits.npz'",
    }
    assert json.loads(call(*arguments).stdout)["kept"] == [1, 2]


@pytest.mark.parametrize("name", SOURCES)
def test_the_preset_that_is_printed_ships(name):
    command = shlex.split(f"headgate run {SOURCES[name].preset}")
    assert command[2] in presets()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["textrues"], 2, "did you mean `textures`?"),
        (["textures", "--set", "lighing=1"], 2, "did you mean `lighting`?"),
        (["textures", "--set", "lighting=bright"], 2, "expected: a number"),
        (["textures", "--set", "lighting=-1"], 2, "more than 0"),
        (["textures", "--set", "lighting=1,1"], 2, "one value, or 3: one for each span"),
        (["textures", "--set", "lighting"], 2, "KEY=VALUE"),
        (["taxi", "--seed", "1"], 2, "`seed` is not a setting"),
        (["taxi", "--rows", "10000"], 2, "There are not enough rows"),
        (["digits", "--from", "somewhere"], 2, "`from` is not a setting"),
        (["mnist", "--from", "somewhere"], 4, "nothing of that name"),
        (["digits", "--spans", "0"], 2, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_made_is_told(call, tmp_path, arguments, code, told):
    result = call("make", arguments[0], "--spans", "3", *arguments[1:])
    assert result.exit_code == code
    assert told in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["make", "list"])
def test_each_command_has_help_with_an_example(call, command):
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"\n    headgate data {command}" in result.stdout
