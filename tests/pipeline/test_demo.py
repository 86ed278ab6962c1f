"""The demo's story, told around runs whose ends are given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.summary import DriftResult, ReleaseResult, Summary

FIRST = Summary("r1", "taxi", "pushed", release=ReleaseResult("taxi", 1, "/w/serving/taxi/1"))
SECOND = replace(
    FIRST,
    run_id="r2",
    release=ReleaseResult("taxi", 2, "/w/serving/taxi/2"),
    drift=DriftResult("the model in service (span 1)", 18, ("company", "fare")),
)


@pytest.fixture
def demo(tmp_path, monkeypatch):
    def play(*ends: Summary):
        runs = []

        def run(loaded, workspace, *, progress, **options):
            runs.append(loaded.settings)
            return ends[len(runs) - 1]

        monkeypatch.setattr("pipeline.run.run", run)
        monkeypatch.setattr("pipeline.report.write.write", lambda workspace, run_id: [])
        result = CliRunner().invoke(app, ["demo", "--workspace", str(tmp_path / "w")])
        return result, runs

    return play


def test_two_spans_of_the_same_pipeline_are_run_one_after_the_other(demo, tmp_path):
    result, runs = demo(FIRST, SECOND)
    assert result.exit_code == 0
    assert [settings.data.span for settings in runs] == [1, 2]
    assert {settings.data.path for settings in runs} == {str(tmp_path / "w/data/taxi-by-time/span-{SPAN}/trips.csv")}
    assert (tmp_path / "w/data/taxi-by-time/span-2/trips.csv").is_file()
    for told in (
        "Between the spans drifted: company, fare.",
        "The new model earned its place: version 2 is in service.",
        f"headgate show r2 --workspace {tmp_path / 'w'}",
    ):
        assert told in result.stdout


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("not_blessed", "did not earn its place: taxi version 1 stays in service"),
        ("blocked", "The new data were blocked: taxi version 1 stays"),
    ],
)
def test_a_second_model_that_is_refused_is_an_outcome_to_show(demo, status, told):
    result, _ = demo(FIRST, replace(SECOND, status=status, release=None))
    assert result.exit_code == 0
    assert told in result.stdout


def test_a_run_that_failed_ends_the_demo_with_its_code(demo):
    result, runs = demo(replace(FIRST, status="failed", release=None))
    assert (result.exit_code, len(runs)) == (1, 1)
    assert demo(FIRST, replace(SECOND, status="failed", release=None))[0].exit_code == 1
