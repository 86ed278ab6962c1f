"""`headgate drift`: what stands on the screen, and which part of it."""

from __future__ import annotations

import io
import json

import pytest
from recorded import Output, Recorder, drift_report, feature
from rich.console import Console
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.terminal.drift import BARS, TimelineView


@pytest.fixture
def recorder(tmp_path, monkeypatch) -> Recorder:
    monkeypatch.setenv("HEADGATE_WORKSPACE", str(tmp_path / "w"))
    return Recorder(tmp_path / "w")


def call(*arguments: str):
    return CliRunner().invoke(app, ["drift", *arguments])


def row(output: str, name: str) -> list[str]:
    [line] = [line for line in output.splitlines() if line.strip().startswith(name + " ")]
    return line.split()


@pytest.fixture
def three_spans(recorder) -> Recorder:
    spans = {
        2: {"amount": 0.2, "miles": 0.6, "shop": 0.1},
        3: {"amount": 1.2, "miles": 0.9},
        4: {"amount": 4.0, "miles": 0.0},
    }
    for span, scores in spans.items():
        recorder.run(f"r{span}")
        recorder.compared(f"r{span}", drift_report(span, [feature(name, score) for name, score in scores.items()]))
    return recorder


def test_each_feature_is_a_line_of_bars_with_its_verdict_in_words(three_spans):
    output = call("sales").stdout
    assert "sales: 3 spans compared (2-4)" in output
    assert "span 4 was compared with span 1 (in service), in run r4" in output
    assert row(output, "amount") == ["amount", "▁▅█", "0.8000", "0.2000", "!", "psi", "3-4"]
    assert row(output, "miles") == ["miles", "▃▄▁", "0.0000", "0.2000", "ok", "(psi)"]
    assert row(output, "shop") == ["shop", "▁··", "0.0200", "0.2000", "not", "in", "span", "4"]


def test_the_latest_run_s_pipeline_is_the_default(three_spans):
    assert "sales: 3 spans" in call().stdout


def test_a_part_is_shown_where_asked_for(three_spans):
    output = call("--feature", "miles", "--span", "2-3").stdout
    assert row(output, "miles")[1] == "▃▄"
    assert "amount" not in output
    assert "miles" not in call("--drifted").stdout
    assert "No feature drifted" in call("--drifted", "--span", "2").stdout


def test_a_program_reads_the_same(three_spans):
    record = json.loads(call("--json", "--span", "4").stdout)
    assert [each["feature"] for each in record["series"]] == ["amount", "miles"]
    assert record["series"][0]["points"] == [
        {
            "span": 4,
            "score": 4.0,
            "metric": "psi",
            "value": 0.8,
            "threshold": 0.2,
            "drifted": True,
            "by": ["psi"],
            "message": "",
        }
    ]
    assert [each["span"] for each in record["comparisons"]] == [4]


def test_the_model_in_service_has_lines_of_its_own(recorder):
    for span, labelled in ((2, True), (3, False)):
        recorder.run(f"r{span}")
        report = {
            "span": span,
            "model": {"name": "sales", "version": 7, "uri": ""},
            "rows": 1000,
            "labelled": 1000 * labelled,
            "metrics": {"overall": {"auc": 0.8}} if labelled else None,
            "released": {"overall": {"auc": 0.9}},
            "drops": {"auc": 0.1} if labelled else {},
            "estimated": None if labelled else {"auc": {"value": 0.85, "low": 0.81, "high": 0.88}},
        }
        recorder.step(
            f"r{span}", "monitor", outputs={"report": Output("HeadgateMonitorReport", files={"monitor.json": report})}
        )
    measured = call("--span", "2").stdout
    assert " ".join(row(measured, "auc")) == "auc 0.9000 0.8000 +0.1000 measured v7: 0.800"
    assert "the model in service on span 2, 1,000 of 1,000 rows with a label:" in measured
    estimated = call().stdout
    words = " ".join(row(estimated, "auc"))
    assert words == "auc 0.9000 0.8500 - estimated, 0.8100 to 0.8800 v7: 0.800 ~0.850"


def test_without_a_comparison_there_is_a_sentence(recorder):
    recorder.run("r1")
    result = call()
    assert result.exit_code == 0
    assert result.stdout.startswith("sales: nothing was compared yet.")


def test_what_cannot_be_read_is_told_beside_the_rest(three_spans):
    (next(three_spans.workspace.root.rglob("drift.json"))).write_text("{")
    result = call()
    assert result.exit_code == 0
    assert "note: " in result.stdout
    assert "cannot be read" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["other"], "No pipeline `other` ran here."),
        (["--feature", "amuont"], "did you mean `amount`?"),
        (["--span", "4-2"], "This is no span."),
        (["--span", "x"], "This is no span."),
    ],
)
def test_what_is_not_there_is_refused(three_spans, arguments, told):
    result = call(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_span_that_was_not_compared_is_told(three_spans):
    assert call("--span", "9").stdout == "sales: span 9 was not compared; there is 2-4.\n"


def test_an_empty_workspace_is_told(recorder):
    result = call()
    assert result.exit_code == 2
    assert "No pipeline ran here yet." in result.stderr


@pytest.mark.parametrize("width", [80, 100, 140])
def test_bars_and_numbers_are_whole_on_a_narrow_terminal(recorder, width):
    for span in range(2, 72):
        recorder.run(f"r{span}")
        recorder.compared(f"r{span}", drift_report(span, [feature("pickup_community_area", span / 40)]))
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(TimelineView(recorder.history.timeline("sales")))
    text = stream.getvalue()
    drawn = {80: 12, 100: 32, 140: 50}[width]
    assert f"70 spans compared (2-71), of which the last {drawn} are drawn" in text
    [line] = [line for line in text.splitlines() if " 0.3550 " in line]
    assert sum(line.count(bar) for bar in BARS) == drawn
    assert " 0.2000  ! psi" in line
    assert "…" not in text
