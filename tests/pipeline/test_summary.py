from __future__ import annotations

import json

import pytest

from components.decisions import Decision
from components.tuning.trials import Trial
from pipeline.summary import DriftResult, ReleaseResult, SliceResult, StepResult, Summary, ThresholdResult, render
from pipeline.terminal.console import plain


def text_of(summary):
    """The summary as plain lines, for a pipe or a file."""
    return plain(render(summary))


FULL = Summary(
    run_id="r1",
    pipeline="taxi",
    status="pushed",
    steps=(StepResult("ingest", "complete", 1.23, "15,002 rows [all]"), StepResult("release", "complete", 0.2)),
    metrics={"auc": 0.93, "calibration": float("nan")},
    threshold=ThresholdResult(0.31234567, "best F-beta, beta 1"),
    slices=(SliceResult("day", "1", 200, {"auc": 0.9}),),
    trials=(
        Trial(2, "val_auc", 0.912345, 4, {"training.learning_rate": 0.00312345, "training.schedule": None}),
        Trial(1, "val_auc", None, None, {"training.learning_rate": 3.0, "training.schedule": None}, "val_auc is nan"),
    ),
    drift=DriftResult("the model in service (span 1)", 18, ("company",)),
    decisions=(
        Decision("judge", "threshold:auc", "overall", "pass", "AUC 0.93 is at least 0.85.", 0.93, ">= 0.85"),
        Decision("drift", "l_infinity", "company", "warn", "`company` drifted: 0.3 is above 0.1.", 0.3, "<= 0.1"),
    ),
    release=ReleaseResult("taxi", 1, "/w/serving/taxi/1"),
    quarantined=3,
    log="/w/logs/taxi/r1.log",
)


def test_the_json_is_the_contract_s():
    record = json.loads(json.dumps(FULL.to_json(), allow_nan=False))
    assert list(record)[:3] == ["run_id", "pipeline", "status"]
    assert record["steps"][0] == {"id": "ingest", "state": "complete", "seconds": 1.23, "detail": "15,002 rows [all]"}
    assert record["metrics"] == {"auc": 0.93, "calibration": None}
    assert record["threshold"] == {"value": 0.31234567, "rule": "best F-beta, beta 1"}
    assert record["drift"] == {
        "reference": "the model in service (span 1)", "compared": 18, "drifted": ["company"]
    }  # fmt: skip
    assert record["release"] == {"model": "taxi", "version": 1, "path": "/w/serving/taxi/1"}
    assert not {"slices", "trials"} & set(record)
    assert FULL.to_json(details=True)["trials"][1]["error"] == "val_auc is nan"
    assert FULL.to_json(details=True)["slices"][0]["value"] == "1"


@pytest.mark.parametrize(
    ("status", "code"), [("pushed", 0), ("stopped", 0), ("failed", 1), ("not_blessed", 3), ("blocked", 4)]
)
def test_each_status_has_its_exit_code(status, code):
    assert Summary("r1", "taxi", status).exit_code == code


def test_the_text_has_what_a_reader_looks_for_and_no_colours():
    text = text_of(FULL)
    assert "\x1b" not in text
    for told in (
        "taxi: released", "ingest", "15,002 rows [all]", "1 of 2 passed", "warn  `company` drifted", "auc 0.9300",
        "tuned: val_auc 0.9123 with training.learning_rate 0.003123, training.schedule null (best of 2 trials)",
        "decision threshold: 0.3123 (best F-beta, beta 1)", "3 rows did not parse", "version 1", "/w/logs/taxi/r1.log",
    ):  # fmt: skip
        assert told in text


def test_decisions_that_block_come_first_and_the_rest_is_counted():
    warn = Decision("gate", "new_column", "x", "warn", "A new column.")
    block = Decision("gate", "missing_column", "fare", "block", "The column fare is missing.")
    text = text_of(Summary("r1", "taxi", "blocked", decisions=(*[warn] * 20, block)))
    assert text.index("block  The column fare") < text.index("warn  A new column")
    assert "and 11 more" in text


def test_notes_stand_at_the_top_and_in_the_json():
    summary = Summary("r1", "digits", "pushed", notes=("This is [not] MNIST.",))
    assert text_of(summary).splitlines()[1] == "note: This is [not] MNIST."
    assert summary.to_json()["notes"] == ["This is [not] MNIST."]


def test_a_run_with_nothing_to_do_says_so():
    assert "nothing to do" in text_of(Summary("r1", "taxi", "pushed", nothing_to_do=True))
