"""Settings that cannot be used: refused before anything starts, and the last good release stays as it was."""

from __future__ import annotations

import pytest

REFUSED = {
    "unknown key": ("trainin.epochs=1", ["`trainin` is not a setting", "did you mean `training`?"]),
    "unknown key inside": ("training.epoch=1", ["`training.epoch` is not a setting", "did you mean `epochs`?"]),
    "wrong type": ("training.epochs=many", ["training.epochs", "a whole number", "many"]),
    "a number as text": ("training.epochs='5'", ["training.epochs", "without quotes"]),
    "value out of range": ("training.batch_size=0", ["training.batch_size", "at least 1"]),
    "label among the features": ("label.name=amount", ["`amount` is among the features"]),
    "slice on no column": ("evaluation.slices.x=shopp", ["no column `shopp`", "did you mean `shop`?"]),
    "slice without its ranges": ("evaluation.slices.x=miles", ["Slice `x`", "`miles` needs `boundaries`"]),
    "search in no column": ("evaluation.find_slices.columns=[shopp]", ["no column `shopp`", "did you mean `shop`?"]),
    "drift's slice on no column": ("drift.slices=[shopp]", ["no column `shopp`", "did you mean `shop`?"]),
    "drift's slice on ranges": ("drift.slices=[amount]", ["`amount` has no values to count"]),
    "threshold out of range": ("evaluation.thresholds.auc.min=1.5", ["`auc` lies between 0 and 1", "1.5"]),
    "threshold on no metric": ("evaluation.thresholds.acu.min=0.5", ["`acu` is no metric", "auc"]),
    "no threshold at all": ("evaluation={slices: {}}", ["no model would ever be blessed"]),
    "gap of a metric that training does not watch": ("evaluation.max_gap.f1=0.1", ["max_gap", "`f1`", "auc"]),
    "unknown transform": ("features.columns.amount.transform=zscor", ["zscor", "did you mean `zscore`?"]),
    "transform of another type": ("features.columns.shop.transform=log", ["needs a number"]),
    "file not found": ("data.path=nowhere.csv", ["No input file was found", "nowhere.csv"]),
    "span not found": ("data.span=7", ["Span 7 was not found", "spans 1"]),
    "format not known": ("data.path=pipeline.yaml", ["format", "data.format"]),
    "schema not found": ("schema.path=nowhere.pbtxt", ["nowhere.pbtxt", "headgate schema accept"]),
    "module not found": ("model.build=nowhere:build", ["`model.build`", "nowhere:build"]),
    "function not found": ("model.build=components.models.dense:biuld", ["has no `biuld`", "did you mean `build`?"]),
    "network not found": ("model.build=dens", ["model.build", "dens", "did you mean `dense`?"]),
    "activation not known": ("model.layers=[{units: 8, activation: rleu}]", ["rleu", "did you mean `relu`?"]),
    "nothing to monitor": ("training.early_stopping.monitor=val_los", ["received: val_los", "'val_loss'"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_cannot_be_used_are_refused_before_anything_starts(released, monkeypatch, name):
    assignment, told = REFUSED[name]
    monkeypatch.chdir(released.folder)  # relative paths of --set start here
    refused(released, told, "--set", assignment)


def refused(pipeline, told, *options):
    before, runs = pipeline.serving(), len(pipeline.history.runs())
    ended = pipeline.command("run", *options)
    assert ended.code == 2, ended
    assert ended.stdout == ""
    for words in told:
        assert words in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr
    assert pipeline.serving() == before
    assert len(pipeline.history.runs()) == runs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["pipeline.yaml"]),
        ("name: [sales", ["pipeline.yaml", "line 1"]),
        ("- a\n- b\n", ["pipeline.yaml, line 1", "a list"]),
        ("name: sales\nname: shops\n", ["pipeline.yaml, line 2", "`name`"]),
    ],
    ids=["empty", "not YAML", "a list", "a key twice"],
)
def test_a_file_that_is_no_settings_file_is_refused(released, text, told):
    released.file.write_text(text, encoding="utf-8")
    refused(released, told)


def test_a_curated_schema_that_does_not_parse_is_refused_with_its_line(released):
    path = released.folder / "schema/sales.pbtxt"
    path.parent.mkdir()
    path.write_text('feature {\n  name: "amount"\n  typ: FLOAT\n}\n', encoding="utf-8")
    refused(released, ["The schema file does not parse.", f"{path}, line 3"])


def test_a_workspace_that_is_a_file_is_refused(new):
    pipeline = new()
    pipeline.workspace.root.write_text("mine")
    ended = pipeline.command("run")
    assert ended.code == 2
    assert "The workspace is not a folder." in ended.stderr
    assert pipeline.workspace.root.read_text() == "mine"
