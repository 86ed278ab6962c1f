"""What the judge says of variants: each by its own bounds, and against the full model."""

from __future__ import annotations

import pytest

from components.edge.judging import judge_variants, required
from components.edge.record import Variant, read, write
from components.edge.settings import EdgeSettings
from components.evaluation.results import OVERALL, SliceMetrics
from components.evaluation.settings import EvaluationSettings

EVALUATION = EvaluationSettings.model_validate(
    {
        "slices": {"camera": "camera"},
        "thresholds": {"accuracy": {"min": 0.8}, "fgsm_accuracy": {"min": 0.5}},
        "adversarial": {"epsilon": 0.1},
        "min_slice_rows": 10,
    }
)


def evaluation(accuracy: float, left: float | None = None):
    rows = {OVERALL: SliceMetrics(100, 3, {"accuracy": accuracy})}
    if left is not None:
        rows[(("camera", "left"),)] = SliceMetrics(50, 3, {"accuracy": left})
    return rows


def variant(name: str, bytes_: int = 1000) -> Variant:
    return Variant(name, "int8", bytes_, 800, {"image": "uint8 [1, 8, 8, 1]"})


def judged(settings: dict, evaluations: dict, full=None, bytes_: int = 1000):
    edge = EdgeSettings.model_validate({"variants": settings})
    variants = [variant(name, bytes_) for name in settings]
    found, variants = judge_variants(variants, evaluations, full or evaluation(0.95, 0.95), edge, EVALUATION)
    return found, {each.name: each for each in variants}, list(required(variants, edge))


def test_a_variant_that_loses_more_than_the_bound_is_not_released_and_the_others_are():
    bound = {"format": "int8", "change_thresholds": {"accuracy": 0.01}}
    found, variants, _ = judged({"close": bound, "far": bound}, {"close": evaluation(0.945), "far": evaluation(0.93)})
    assert {name: each.passed for name, each in variants.items()} == {"close": True, "far": False}
    [blocked] = [decision for decision in found if decision.outcome == "block"]
    assert (blocked.step, blocked.rule, blocked.subject) == ("edge", "change_threshold:accuracy", "far: overall")
    assert blocked.message == (
        "far is not released: accuracy is 0.93, of the full model 0.95; to pass it may be worse by at most 0.01"
        "; missed by 0.01"
    )
    assert (blocked.value, blocked.bound, blocked.rows) == (0.93, "worse by at most 0.01", 100)


def test_a_variant_without_thresholds_has_those_of_the_full_model_but_for_the_attack_on_it():
    found, variants, _ = judged({"int8": {"format": "int8"}}, {"int8": evaluation(0.79)})
    assert [(decision.rule, decision.outcome) for decision in found] == [("threshold:accuracy", "block")]
    assert not variants["int8"].passed


def test_slices_are_bounded_too():
    own = {"format": "int8", "thresholds": {"accuracy": {"slices": {"camera": {"min": 0.9}}}}}
    found, _, _ = judged({"int8": own}, {"int8": evaluation(0.95, left=0.85)})
    assert [(decision.subject, decision.outcome) for decision in found] == [("int8: camera=left", "block")]


@pytest.mark.parametrize(("bytes_", "outcome"), [(1000, "pass"), (1001, "block")])
def test_a_file_must_fit_the_device(bytes_, outcome):
    found, variants, _ = judged(
        {"int8": {"format": "int8", "max_bytes": 1000}}, {"int8": evaluation(0.95)}, bytes_=bytes_
    )
    assert (found[0].rule, found[0].outcome) == ("max_bytes", outcome)
    assert variants["int8"].passed == (outcome == "pass")


def test_only_what_is_required_keeps_the_full_model_back():
    lost = evaluation(0.5)
    _, _, optional = judged({"int8": {"format": "int8"}}, {"int8": lost})
    assert optional == []
    _, _, [decision] = judged({"int8": {"format": "int8", "required": True}}, {"int8": lost})
    assert (decision.outcome, decision.subject) == ("block", "int8")
    assert "the full model is not released either" in decision.message
    _, _, [decision] = judged({"int8": {"format": "int8", "required": True}}, {"int8": evaluation(0.95)})
    assert decision.outcome == "pass"


def test_metrics_go_on_record(tmp_path):
    _, variants, _ = judged({"int8": {"format": "int8"}}, {"int8": evaluation(0.95, left=0.9)})
    write(variants.values(), str(tmp_path))
    assert read(str(tmp_path)) == list(variants.values())
    assert variants["int8"].metrics == {"accuracy": 0.95}
    [left] = variants["int8"].slices
    assert (left["slice"], left["value"], left["rows"], left["metrics"]) == ("camera", "left", 50, {"accuracy": 0.9})
