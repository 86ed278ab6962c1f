"""`headgate show A B` on runs of a real pipeline."""

from __future__ import annotations


def test_two_runs_that_differ_in_a_setting(settled):
    second, first = [row.run_id for row in settled.history.runs()]
    shown = settled.show(first, second)
    assert shown.code == 0
    assert "evaluation.thresholds.auc.min  0.6 → 0.61" in shown.stdout
    same = shown.stdout.splitlines()[-1]
    assert same.startswith("no difference in: ")
    assert {"data", "schema", "code", "environment"} <= set(same.partition(": ")[2].split(", "))
    record = settled.show(first, second, "--json").json
    assert record["settings"] == [
        {"name": "evaluation.thresholds.auc.min", "first": 0.6, "second": 0.61, "difference": None}
    ]
    assert all(each["difference"] == 0 for each in record["metrics"])


def test_an_unknown_run_is_refused(settled):
    ended = settled.show(settled.history.runs()[0].run_id, "r7")
    assert ended.code == 2
    assert "There is no such run." in ended.stderr
