"""The judge as a TFX component: from an evaluation to a blessing that stock TFX understands."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from tfx.components.evaluator import constants
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts
from tiny_model import SLOPE, TinyModel, export

from components import decisions
from components.evaluation import blessing, results
from components.evaluation.component import Judge, JudgeExecutor
from components.evaluation.decision import Threshold
from components.evaluation.depth import record
from components.evaluation.evaluator import evaluator
from components.evaluation.judge import judge
from components.evaluation.results import OVERALL
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings


@pytest.fixture
def model_run(tmp_path) -> standard_artifacts.ModelRun:
    artifact = standard_artifacts.ModelRun()
    artifact.uri = str(tmp_path / "model_run")
    Path(artifact.uri).mkdir()
    write_record(artifact, Threshold(0.3, "best F-beta, beta 1", 0.8, 0.9, 100))
    return artifact


def write_record(model_run: standard_artifacts.ModelRun, threshold: Threshold | None) -> None:
    record = {"epochs": 1, "train": {"auc": 0.92}, "eval": {}, "threshold": threshold and asdict(threshold)}
    Path(model_run.uri, "training.json").write_text(json.dumps(record))


def run_judge(evaluated, model_run, tmp_path, baseline=None, **rules) -> standard_artifacts.ModelBlessing:
    settings = EvaluationSettings.model_validate({"slices": {"payment": "payment_type"}, **rules})
    verdict = standard_artifacts.ModelBlessing()
    verdict.uri = str(tmp_path / "blessing")
    inputs = {"evaluation": [evaluated.evaluation], "model": [evaluated.candidate], "model_run": [model_run]}
    JudgeExecutor().Do(
        inputs | ({"baseline_model": [baseline]} if baseline else {}),
        {"blessing": [verdict]},
        {"settings": settings.model_dump_json(), "edge": "", "code": ""},
    )
    return verdict


def test_a_model_that_meets_every_rule_is_blessed(binary, model_run, tmp_path):
    verdict = run_judge(
        binary,
        model_run,
        tmp_path,
        binary.baseline,
        thresholds={"auc": {"min": 0.7, "slices": {"payment": {"min": 0.6}}}},
        change_thresholds={"binary_crossentropy": 0},
        max_gap={"auc": 0.1},
    )
    assert Path(verdict.uri, "BLESSED").is_file()
    assert blessing.blesses(verdict, binary.candidate)
    outcomes = {decision.subject: decision.outcome for decision in decisions.read(verdict.uri)}
    assert outcomes == {
        "eval split": "pass",
        "overall": "pass",
        "payment_type=Cash": "pass",
        "payment_type=Crédit": "pass",
        "payment_type=Pcard": "flag",
    }
    written = json.loads(Path(verdict.uri, "metrics.json").read_text())
    assert written["overall"]["auc"] > 0.7
    assert written["threshold"] == {"value": 0.3, "rule": "best F-beta, beta 1"}
    assert written["baseline"]["binary_crossentropy"] > written["overall"]["binary_crossentropy"]


def test_a_model_that_misses_a_rule_is_not_blessed(binary, model_run, tmp_path):
    verdict = run_judge(binary, model_run, tmp_path, thresholds={"auc": {"min": 0.99}})
    assert Path(verdict.uri, "NOT_BLESSED").is_file()
    assert not Path(verdict.uri, "BLESSED").exists()
    assert not blessing.blesses(verdict, binary.candidate)


def test_a_model_is_not_compared_with_itself(binary, model_run, tmp_path):
    verdict = run_judge(binary, model_run, tmp_path, binary.candidate, change_thresholds={"auc": -0.01})
    assert blessing.blesses(verdict, binary.candidate)
    assert "this model is the one in service" in decisions.read(verdict.uri)[1].message


def test_a_model_whose_rule_for_the_threshold_was_not_met_is_not_blessed(binary, model_run, tmp_path):
    unmet = "the highest precision is 0.83, at 0.7"
    write_record(model_run, Threshold(0.5, "best recall at a precision of at least 0.9", None, 0.0, 100, unmet))
    verdict = run_judge(binary, model_run, tmp_path, thresholds={"auc": {"min": 0}})
    assert not blessing.blesses(verdict, binary.candidate)
    found = decisions.read(verdict.uri)[0]
    assert (found.rule, found.outcome, found.value, found.rows) == ("decision_threshold", "block", None, 100)
    assert found.message == (
        'no decision threshold by the rule "best recall at a precision of at least 0.9": '
        "the highest precision is 0.83, at 0.7"
    )


def test_a_task_without_a_threshold_leaves_no_decision_on_it(multiclass, model_run, tmp_path):
    write_record(model_run, None)
    verdict = run_judge(multiclass, model_run, tmp_path, thresholds={"accuracy": {"min": 0}})
    assert [found.rule for found in decisions.read(verdict.uri)] == ["threshold:accuracy"]
    assert json.loads(Path(verdict.uri, "metrics.json").read_text())["threshold"] is None


def test_a_model_in_service_that_was_trained_without_fgsm_cannot_be_compared_on_it(binary, model_run, tmp_path):
    before = export(TinyModel("binary", SLOPE, attacked=False), tmp_path / "before")
    evaluation = binary.run.__wrapped__("local", True, before)
    candidate, served = results.load(evaluation.uri)
    assert "fgsm_accuracy" in candidate[OVERALL].metrics
    assert "fgsm_accuracy" not in served[OVERALL].metrics
    judged = judge(
        candidate, served, {}, EvaluationSettings.model_validate({"change_thresholds": {"fgsm_accuracy": 0}})
    )
    assert [found.outcome for found in judged] == ["flag"]
    assert "the model in service does not compute fgsm_accuracy as the new one does" in judged[0].message


def test_a_model_whose_scores_are_not_numbers_is_not_blessed_and_the_record_says_why(
    binary, model_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(binary, "candidate", export(TinyModel("binary", math.nan), tmp_path / "broken"))
    monkeypatch.setattr(binary, "evaluation", binary.run.__wrapped__("local", True))
    verdict = run_judge(binary, model_run, tmp_path, binary.baseline, thresholds={"auc": {"min": 0}})
    assert not blessing.blesses(verdict, binary.candidate)
    blocking = {each.rule: each for each in decisions.read(verdict.uri) if each.outcome == "block"}
    assert set(blocking) == {"finite_scores", "threshold:auc"}
    assert blocking["finite_scores"].message.startswith("the scores of 400 of 400 rows are not numbers")
    assert "auc is nan" in blocking["threshold:auc"].message
    found = record.read(verdict.uri)
    assert (found["rows"], found["not_finite"]) == (0, 400)
    assert json.loads(Path(verdict.uri, "metrics.json").read_text())["overall"] == {}


def test_rows_without_a_score_block_and_have_no_part_in_the_metrics(binary, model_run, tmp_path, monkeypatch):
    spoilt = TinyModel("binary", SLOPE, nan_above=1.0)
    monkeypatch.setattr(binary, "candidate", export(spoilt, tmp_path / "spoilt"))
    monkeypatch.setattr(binary, "evaluation", binary.run.__wrapped__("local", True))
    verdict = run_judge(binary, model_run, tmp_path, binary.baseline, thresholds={"auc": {"min": 0}})
    rows = int((binary.split.x > 1.0).sum())
    [blocking] = [each for each in decisions.read(verdict.uri) if each.outcome == "block"]
    assert (blocking.rule, blocking.value, blocking.rows, blocking.margin) == ("finite_scores", rows, 400, -rows)
    found = record.read(verdict.uri)
    metrics = json.loads(Path(verdict.uri, "metrics.json").read_text())["overall"]
    assert (found["rows"], found["not_finite"]) == (400 - rows, rows)
    assert metrics["binary_accuracy"] == pytest.approx(found["intervals"]["overall"]["binary_accuracy"]["value"], 1e-5)


def test_the_blessing_has_the_judgement_in_depth(binary, model_run, tmp_path):
    rules = {"change_thresholds": {"auc": {"slices": {"payment": 0}}}}
    verdict = run_judge(binary, model_run, tmp_path, binary.baseline, **rules)
    found = record.read(verdict.uri)
    metrics = json.loads(Path(verdict.uri, "metrics.json").read_text())["overall"]
    assert set(found["intervals"]["overall"]) == set(metrics)
    for name, value in metrics.items():
        # TFMA's curve of precision and recall is another one, and its AUC has 2,000 thresholds.
        tolerance = {"auc_pr": 2e-2, "auc": 1e-3}.get(name, 1e-5)
        assert found["intervals"]["overall"][name]["value"] == pytest.approx(value, rel=tolerance), name
    assert found["comparison"]["binary_crossentropy"]["better"] is True
    payments = {each["value"] for each in found["intervals"]["slices"]}
    assert payments == {"Cash", "Crédit", "Pcard"}
    judged = {each.subject: each.outcome for each in decisions.read(verdict.uri)}
    assert judged["payment_type=Cash"] == "pass"
    assert judged["payment_type=Pcard"] == "flag"


def test_the_blessing_carries_what_stock_tfx_reads(binary, model_run, tmp_path):
    binary.candidate.id, binary.baseline.id = 7, 3
    verdict = run_judge(binary, model_run, tmp_path, binary.baseline, thresholds={"auc": {"min": 0}})
    assert verdict.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
    assert verdict.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY) == 7
    assert verdict.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY) == binary.candidate.uri
    assert verdict.get_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY) == 3
    assert verdict.get_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY) == binary.baseline.uri
    assert (blessing.BLESSED_FILE, blessing.NOT_BLESSED_FILE) == (
        constants.BLESSED_FILE_NAME,
        constants.NOT_BLESSED_FILE_NAME,
    )


def test_a_blessing_holds_for_its_own_model_only_and_needs_record_and_file(tmp_path):
    model, other, verdict = standard_artifacts.Model(), standard_artifacts.Model(), standard_artifacts.ModelBlessing()
    model.uri, other.uri, verdict.uri = "/models/1", "/models/2", str(tmp_path)
    blessing.write(verdict, blessed=True, model=model, baseline=None)
    assert blessing.blesses(verdict, model)
    assert not blessing.blesses(verdict, other)
    (tmp_path / "BLESSED").unlink()
    assert not blessing.blesses(verdict, model)


def test_both_steps_run_without_a_model_in_service(tmp_path):
    def node(kind, key):
        return Resolver(**{key: Channel(type=kind)}).with_id(key)

    nodes = {
        "examples": node(standard_artifacts.Examples, "examples"),
        "model": node(standard_artifacts.Model, "model"),
        "baseline": node(standard_artifacts.Model, "baseline"),
        "run": node(standard_artifacts.ModelRun, "run"),
    }
    examples, model, baseline, run = (each.outputs[key] for key, each in nodes.items())
    settings = EvaluationSettings.model_validate({"thresholds": {"auc": {"min": 0.7}}})
    evaluate = evaluator(examples, model, baseline, settings, LabelSettings(name="tipped"))
    judge = Judge(
        evaluation=evaluate.outputs["evaluation"],
        model=model,
        model_run=run,
        baseline_model=baseline,
        settings=settings.model_dump_json(),
        code="",
    ).with_id("judge")
    pipeline = Pipeline("taxi", str(tmp_path), components=[*nodes.values(), evaluate, judge])
    compiled = {each.pipeline_node.node_info.id: each.pipeline_node for each in Compiler().compile(pipeline).nodes}
    for step in ("evaluate", "judge"):
        assert compiled[step].inputs.inputs["baseline_model"].min_count == 0
        assert compiled[step].inputs.inputs["examples" if step == "evaluate" else "model"].min_count == 1
