"""The judge: each rule leaves a decision, and says what would pass."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from small_predictions import binary

from components import decisions
from components.decisions import Decision
from components.evaluation.depth.analysis import Analysis
from components.evaluation.depth.estimates import Interval
from components.evaluation.judge import judge, loss
from components.evaluation.results import OVERALL, Evaluation, SliceKey, SliceMetrics
from components.evaluation.settings import METRICS, EvaluationSettings

CASH: SliceKey = (("payment_type", "Cash"),)
CREDIT: SliceKey = (("payment_type", "Credit Card"),)
RARE: SliceKey = (("payment_type", "Pcard"),)


def evaluation(slices: dict[SliceKey, SliceMetrics] | None = None, classes: int = 2, **metrics: float) -> Evaluation:
    return {OVERALL: SliceMetrics(rows=1500, classes=classes, metrics=metrics), **(slices or {})}


def settings(**rules: object) -> EvaluationSettings:
    return EvaluationSettings.model_validate({"slices": {"payment": "payment_type"}, **rules})


def test_a_value_within_its_bounds_passes():
    (found,) = judge(evaluation(auc=0.9), None, {}, settings(thresholds={"auc": {"min": 0.7}}))
    assert (found.step, found.rule, found.subject, found.outcome) == ("judge", "threshold:auc", "overall", "pass")
    assert (found.value, found.bound, found.rows) == (0.9, ">= 0.7", 1500)
    assert found.margin == pytest.approx(0.2)
    assert found.message == "overall: auc is 0.9; passed by 0.2"


def test_a_value_outside_its_bounds_blocks_and_says_what_would_pass():
    rules = settings(thresholds={"auc": {"min": 0.95}, "binary_crossentropy": {"min": 0.1, "max": 0.5}})
    low, high = judge(evaluation(auc=0.9, binary_crossentropy=0.6), None, {}, rules)
    assert (low.outcome, low.message) == ("block", "overall: auc is 0.9; to pass it must be >= 0.95; missed by 0.05")
    assert (high.outcome, high.bound) == ("block", ">= 0.1 and <= 0.5")
    assert (low.margin, high.margin) == (pytest.approx(-0.05), pytest.approx(-0.1))


def test_not_a_number_blocks():
    rules = settings(thresholds={"auc": {"min": 0.0}}, change_thresholds={"auc": 0.5}, max_gap={"auc": 0.5})
    found = judge(evaluation(auc=math.nan), evaluation(auc=0.5), {"auc": 0.9}, rules)
    assert [decision.outcome for decision in found] == ["block"] * 3
    assert [decision.value for decision in found] == ["nan"] * 3
    assert "auc is nan" in found[0].message


def test_a_test_split_with_a_single_class_blocks():
    (found,) = judge(evaluation(auc=0.0, classes=1), None, {}, settings(thresholds={"auc": {"min": 0.0}}))
    assert found.outcome == "block"
    assert "single class" in found.message


def test_each_value_of_a_slice_is_judged():
    slices = {
        CASH: SliceMetrics(rows=400, classes=2, metrics={"auc": 0.8}),
        CREDIT: SliceMetrics(rows=600, classes=2, metrics={"auc": 0.6}),
        (("trip_start_day", 1),): SliceMetrics(rows=200, classes=2, metrics={"auc": 0.1}),
    }
    rules = settings(thresholds={"auc": {"slices": {"payment": {"min": 0.7}}}})
    cash, credit = judge(evaluation(slices, auc=0.7), None, {}, rules)
    assert (cash.subject, cash.outcome) == ("payment_type=Cash", "pass")
    assert (credit.subject, credit.outcome, credit.rows) == ("payment_type=Credit Card", "block", 600)


def test_slices_with_few_rows_or_one_class_are_flagged_not_judged():
    slices = {
        CASH: SliceMetrics(rows=400, classes=1, metrics={"auc": 0.0}),
        RARE: SliceMetrics(rows=49, classes=2, metrics={"auc": 0.2}),
    }
    rules = settings(thresholds={"auc": {"slices": {"payment": {"min": 0.7}}}}, min_slice_rows=50)
    one_class, few = judge(evaluation(slices, auc=0.9), None, {}, rules)
    assert (one_class.outcome, few.outcome) == ("flag", "flag")
    assert "same label" in one_class.message
    assert "49 rows, fewer than 50" in few.message
    assert decisions.passed([one_class, few])


def test_a_slice_without_any_row_is_flagged():
    rules = settings(thresholds={"auc": {"slices": {"payment": {"min": 0.7}}}})
    (found,) = judge(evaluation(auc=0.9), None, {}, rules)
    assert (found.subject, found.outcome, found.rows) == ("payment", "flag", 0)


def test_a_slice_by_boundaries_is_found_under_its_own_name():
    rules = EvaluationSettings.model_validate(
        {
            "slices": {"fare_range": {"columns": "fare", "boundaries": [10, 20]}},
            "thresholds": {"auc": {"slices": {"fare_range": {"min": 0.7}}}},
        }
    )
    slices: dict[SliceKey, SliceMetrics] = {(("fare_range", "[10, 20)"),): SliceMetrics(100, 2, {"auc": 0.8})}
    (found,) = judge(evaluation(slices, auc=0.9), None, {}, rules)
    assert (found.subject, found.outcome) == ("fare_range=[10, 20)", "pass")


def test_the_first_model_has_nothing_to_be_compared_with_and_the_decision_says_so():
    (found,) = judge(evaluation(auc=0.5), None, {}, settings(change_thresholds={"auc": -0.01}))
    assert found.outcome == "pass"
    assert found.message == "there is no model in service to compare with: the change threshold on auc does not apply"


@pytest.mark.parametrize(
    ("metric", "new", "served", "allowed", "outcome"),
    [
        ("auc", 0.89, 0.90, 0.02, "pass"),
        ("auc", 0.85, 0.90, 0.02, "block"),
        ("auc", 0.90, 0.90, 0.0, "pass"),
        ("auc", 0.90, 0.90, -0.01, "block"),
        ("auc", 0.92, 0.90, -0.01, "pass"),
        ("binary_crossentropy", 0.35, 0.30, 0.01, "block"),
        ("binary_crossentropy", 0.25, 0.30, 0.01, "pass"),
        ("calibration", 1.30, 0.90, 0.05, "block"),
        ("calibration", 1.05, 0.90, 0.0, "pass"),
    ],
)
def test_change_is_counted_in_the_direction_that_is_worse(metric, new, served, allowed, outcome):
    rules = settings(change_thresholds={metric: allowed})
    (found,) = judge(evaluation(**{metric: new}), evaluation(**{metric: served}), {}, rules)
    assert found.outcome == outcome
    assert (found.margin >= 0) == (outcome == "pass")
    assert "in service" in found.message


def test_a_model_in_service_without_a_number_cannot_be_compared():
    (found,) = judge(evaluation(auc=0.9), evaluation(auc=math.nan), {}, settings(change_thresholds={"auc": 0}))
    assert found.outcome == "flag"


def test_the_gap_between_training_and_test_split_is_bounded():
    rules = settings(thresholds={"auc": {"min": 0}}, max_gap={"auc": 0.05})
    *_, narrow = judge(evaluation(auc=0.9), None, {"auc": 0.93}, rules)
    *_, wide = judge(evaluation(auc=0.8), None, {"auc": 0.93}, rules)
    *_, better = judge(evaluation(auc=0.95), None, {"auc": 0.93}, rules)
    assert [found.outcome for found in (narrow, wide, better)] == ["pass", "block", "pass"]
    assert wide.value == pytest.approx(0.13)
    assert "to pass it must be <= 0.05; missed by 0.08" in wide.message


def test_a_gap_without_a_training_record_blocks():
    *_, found = judge(
        evaluation(auc=0.9), None, {}, settings(thresholds={"auc": {"min": 0}}, max_gap={"auc": 0.05})
    )  # fmt: skip
    assert found.outcome == "block"


@given(st.sampled_from(METRICS["binary"]), st.floats(0, 1), st.floats(-0.5, 0.5))
def test_a_model_compared_with_its_equal_passes_unless_a_gain_is_asked_for(metric, value, allowed):
    (found,) = judge(evaluation(**{metric: value}), evaluation(**{metric: value}), {}, settings(
        change_thresholds={metric: allowed}
    ))  # fmt: skip
    assert (found.outcome == "pass") == (allowed >= 0)


@given(st.floats(0, 1), st.floats(0, 1))
def test_raising_the_bar_never_turns_a_block_into_a_pass(value, bar):
    def outcome(minimum: float) -> str:
        return judge(evaluation(auc=value), None, {}, settings(thresholds={"auc": {"min": minimum}}))[0].outcome

    assert outcome(bar) == "pass" or outcome(min(1.0, bar + 0.1)) == "block"


@given(st.floats(0, 2))
def test_calibration_is_best_at_one(value):
    assert loss("calibration", value) >= loss("calibration", 1.0) == 0


def gap(value: float, error: float) -> Interval:
    return Interval(value, value - error, value + error, "delong")


def changed(gaps: dict[SliceKey, Interval | None], rows: int = 400) -> dict[str, Decision]:
    """Decisions on slices by subject, where by `gaps` a model is worse than the one in service; 0.05 is allowed."""
    split = {OVERALL: SliceMetrics(1500, 2, {"auc": 0.9})} | {
        key: SliceMetrics(rows, 2, {"auc": 0.8}) for key in gaps
    }  # fmt: skip
    rules = settings(change_thresholds={"auc": {"slices": {"payment": 0.05}}})
    found = judge(split, split, {}, rules, worsening=lambda metric, key, confidence: gaps[key])
    return {decision.subject: decision for decision in found}


def test_a_slice_that_is_worse_beyond_chance_blocks():
    found = changed({CASH: gap(0.2, 0.1), CREDIT: gap(0.04, 0.1)})
    cash, credit = found["payment_type=Cash"], found["payment_type=Credit Card"]
    assert (cash.outcome, cash.margin) == ("block", pytest.approx(-0.15))
    assert cash.message == (
        "payment_type=Cash: auc is worse than in service by 0.2 (0.1 to 0.3); "
        "to pass it may be worse by at most 0.05; missed by 0.15"
    )
    assert (credit.outcome, credit.margin) == ("pass", pytest.approx(0.01))


def test_a_slice_that_looks_worse_by_what_may_be_chance_is_flagged():
    found = changed({CASH: gap(0.2, 0.18)})["payment_type=Cash"]
    assert found.outcome == "flag"
    assert "that may be chance" in found.message


def test_a_small_slice_or_one_without_a_number_is_flagged():
    assert changed({CASH: gap(0.9, 0.1)}, rows=20)["payment_type=Cash"].outcome == "flag"
    assert changed({CASH: None})["payment_type=Cash"].outcome == "flag"
    assert changed({CASH: gap(0.9, math.nan)})["payment_type=Cash"].outcome == "flag"


def test_the_first_model_has_no_slices_to_be_compared_on():
    rules = settings(change_thresholds={"auc": {"slices": {"payment": 0.05}}})
    (found,) = judge(evaluation(auc=0.9), None, {}, rules)
    assert found.outcome == "pass"


def test_models_that_know_the_same_are_rarely_blocked_on_any_of_many_slices():
    rules = EvaluationSettings.model_validate(
        {"slices": {"shop": "shop"}, "change_thresholds": {"auc": {"slices": {"shop": 0}}}}
    )
    blocked = 0
    for seed in range(60):
        depth = Analysis(binary(seed=seed), rules)
        split = {OVERALL: SliceMetrics(600, 2, {"auc": 0.9})} | {
            key: SliceMetrics(len(rows), 2, {"auc": 0.9}) for key, rows in depth.slices.items()
        }
        found = judge(split, split, {}, rules, worsening=depth.worsening)
        blocked += any(each.outcome == "block" for each in found)
    assert blocked <= 6
    depth = Analysis(binary(2000, worse_in="north"), rules)
    found = judge(split, split, {}, rules, worsening=depth.worsening)
    assert [each.subject for each in found if each.outcome == "block"] == ["shop=north"]


def test_a_change_on_the_whole_is_told_with_its_uncertainty():
    rules = settings(change_thresholds={"auc": 0.02})
    split = evaluation(auc=0.9)
    (found,) = judge(split, evaluation(auc=0.91), {}, rules, worsening=lambda *_: gap(0.01, 0.02))
    assert found.message == ("auc is 0.9, of the model in service 0.91: worse by 0.01 (-0.01 to 0.03); passed by 0.01")


def test_a_change_threshold_names_a_slice_that_is_there():
    with pytest.raises(ValidationError, match="names the slice `shop`"):
        settings(change_thresholds={"auc": {"slices": {"shop": 0.1}}})
    with pytest.raises(ValidationError, match="a number, or `max` or `slices`"):
        settings(change_thresholds={"auc": {}})
