"""The model in service on new spans, end to end: it holds, it fails, or the labels are not there yet."""

from __future__ import annotations

import json

import pytest
from small_pipeline import invoke, sales

from pipeline.settings_file import load
from schema.errors import SettingsError

WHEN_NEEDED = ("--set", "monitor.train=when_needed")
LATE = ("--set", "monitor.labels=late")
HELD_BACK = ("transform", "train", "evaluate", "judge", "release")


def turned(rows):
    """The same customers; those of the shop `north` now do the opposite."""
    return [{**row, "again": 1 - row["again"] if row["shop"] == "north" else row["again"]} for row in rows]


def unlabelled(rows):
    return [{**row, "again": None} for row in rows]


def decisions(ended) -> dict[tuple[str, str], dict]:
    return {(each["rule"], each["subject"]): each for each in ended.json["decisions"] if each["step"] == "monitor"}


def test_a_model_that_holds_is_left_alone(released):
    released.span(2, sales(seed=2))
    before = released.serving()
    ended = released.run(*WHEN_NEEDED)
    assert (ended.code, ended.json["status"]) == (0, "watched")
    assert {ended.states[step] for step in HELD_BACK} == {"skipped"}
    monitor = ended.json["monitor"]
    assert (monitor["model"]["version"], monitor["rows"], monitor["labelled"], monitor["train"]) == (1, 700, 700, False)
    assert set(monitor["metrics"]) == {"overall"}
    assert decisions(ended)["max_drop:auc", "overall"]["outcome"] == "pass"
    assert released.serving() == before

    again = released.run(*WHEN_NEEDED)
    assert again.json["nothing_to_do"] and again.states["train"] == "skipped"
    shown = released.show(ended.json["run_id"])
    assert "nothing was trained: Nothing that the monitor saw asks for a new model." in shown.stdout
    [line] = [line for line in shown.stdout.splitlines() if line.startswith("monitor: sales version 1 on span 2, 700 ")]
    assert "auc" in line and "binary_accuracy" in line
    detailed = released.show(ended.json["run_id"], "--json").json["monitor"]
    for metrics in ("metrics", "released"):  # the blessing that it was released with has slices, the manifest none
        assert {each["slice"] for each in detailed[metrics]["slices"]} == {"shop", "amount"}
    rows = invoke(["runs", "--workspace", str(released.workspace.root), "--json"]).json
    assert [row["status"] for row in rows] == ["watched", "pushed"]


def test_the_data_that_it_was_trained_on_are_not_asked_about_again(released):
    ended = released.run(*WHEN_NEEDED)
    assert (ended.json["status"], ended.json["monitor"]["rows"]) == ("watched", 0)
    assert "trained on these very data" in ended.json["monitor"]["why"][1]


def test_a_concept_that_turned_is_told_by_slice_and_trained_on(released):
    released.span(2, turned(sales(seed=2)))
    ended = released.run(
        *WHEN_NEEDED,
        *("--set", "monitor.max_drop={auc: {max: 0.05, slices: {shop: 0.1}}}"),
        *("--to", "transform"),
    )
    assert ended.states["transform"] == "complete"
    assert ended.json["monitor"]["train"]
    found = decisions(ended)
    assert found["max_drop:auc", "overall"]["outcome"] == "warn"
    assert found["max_drop:auc", "shop=south"]["outcome"] in ("pass", "flag")
    [line] = [json.loads(line) for line in released.workspace.monitor("sales").read_text().splitlines()]
    assert (line["span"], line["run_id"], line["train"]) == (2, ended.json["run_id"], True)
    assert line["drops"]["auc"] > 0.1


def test_a_drop_blocks_where_asked_to(released):
    released.span(2, turned(sales(seed=2)))
    ended = released.run("--set", "monitor.action=block")
    assert (ended.code, ended.json["status"]) == (4, "blocked")
    assert {ended.states[step] for step in HELD_BACK} == {"skipped"}


@pytest.mark.slow
def test_drift_that_warns_asks_for_a_new_model_too(released):
    released.span(2, [{**row, "weekday": 1 + row["weekday"] % 2} for row in sales(seed=2)])
    held = released.run(*WHEN_NEEDED)
    assert (held.json["status"], held.json["drift"]["drifted"][0]) == ("watched", "weekday")
    asked = released.run(*WHEN_NEEDED, "--set", "drift.action=warn", "--to", "transform")
    assert asked.states["transform"] == "complete"
    assert asked.json["monitor"]["train"]


@pytest.mark.parametrize("columns", [None, ["amount", "miles", "weekday", "shop"]], ids=["empty", "absent"])
def test_without_labels_a_run_ends_with_an_estimate(released, columns):
    rows = unlabelled(sales(seed=2))
    released.span(2, [{name: row[name] for name in columns or row} for row in rows], columns)
    before = released.serving()
    ended = released.run(*LATE)
    assert (ended.code, ended.json["status"]) == (0, "watched"), ended
    monitor = ended.json["monitor"]
    assert (monitor["rows"], monitor["labelled"], monitor["metrics"]) == (700, 0, None)
    assert monitor["estimated"]["auc"]["low"] < 0.95
    assert decisions(ended)["labels", "overall"]["outcome"] == "flag"
    [late] = [each for each in ended.json["decisions"] if each["rule"] == "late_labels"]
    assert (late["step"], late["rows"]) == ("gate", 700)
    assert not [each for each in ended.json["decisions"] if each["step"] == "drift" and each["subject"] == "again"]
    assert ended.json["quarantined"] == 0
    assert released.serving() == before


@pytest.mark.slow
def test_when_the_labels_come_the_estimate_is_checked_and_a_model_is_trained(released):
    rows = sales(seed=2)
    released.span(2, unlabelled(rows))
    estimated = released.run(*LATE).json["monitor"]["estimated"]
    released.span(2, rows)
    ended = released.run(*LATE)
    assert (ended.json["status"], ended.json["release"]["version"]) == ("pushed", 2)
    monitor = ended.json["monitor"]
    assert monitor["estimated"]["auc"]["value"] == pytest.approx(estimated["auc"]["value"])
    truth = monitor["metrics"]["overall"]["auc"]
    assert monitor["estimate_error"]["auc"] == pytest.approx(monitor["estimated"]["auc"]["value"] - truth)


@pytest.mark.slow
def test_half_the_labels_are_judged_by_and_nothing_is_trained(released):
    rows = sales(seed=2)
    released.span(2, [*unlabelled(rows[:350]), *rows[350:]])
    ended = released.run(*LATE)
    assert (ended.json["status"], ended.json["monitor"]["labelled"]) == ("watched", 350)
    assert "350 of 700 rows of span 2 have no label yet" in ended.json["monitor"]["why"][0]


def test_rows_without_a_label_are_put_aside_where_labels_are_not_late(released):
    rows = sales(seed=2)
    released.span(2, [*unlabelled(rows[:2]), *rows[2:]])
    ended = released.run("--to", "gate")
    assert ended.json["quarantined"] == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{auc: {slices: {town: 0.1}}}", r"`monitor.max_drop.auc.slices`: there is \['hour', .*(.|\n)*received: town"),
        ("{accuracy: 0.1}", "`monitor.max_drop`: `accuracy` is no metric of a binary task"),
        ("{auc: {}}", "a drop gives `max` or `slices`"),
        ("{auc: -1}", "expected: more than 0"),
    ],
)
def test_a_bound_that_cannot_be_meant_is_refused(value, told):
    with pytest.raises(SettingsError, match=told):
        load("taxi", [f"monitor.max_drop={value}"])
