"""The judge as a TFX component: from an evaluation to a blessing that stock TFX understands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.components.evaluator import constants
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

from components import decisions
from components.evaluation import blessing
from components.evaluation.component import Judge, JudgeExecutor, evaluator
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings


@pytest.fixture
def model_run(tmp_path) -> standard_artifacts.ModelRun:
    artifact = standard_artifacts.ModelRun()
    artifact.uri = str(tmp_path / "model_run")
    Path(artifact.uri).mkdir()
    Path(artifact.uri, "training.json").write_text(json.dumps({"epochs": 1, "train": {"auc": 0.92}, "eval": {}}))
    return artifact


def run_judge(evaluated, model_run, tmp_path, baseline=None, **rules) -> standard_artifacts.ModelBlessing:
    settings = EvaluationSettings.model_validate({"slices": {"payment": "payment_type"}, **rules})
    verdict = standard_artifacts.ModelBlessing()
    verdict.uri = str(tmp_path / "blessing")
    inputs = {"evaluation": [evaluated.evaluation], "model": [evaluated.candidate], "model_run": [model_run]}
    JudgeExecutor().Do(
        inputs | ({"baseline_model": [baseline]} if baseline else {}),
        {"blessing": [verdict]},
        {"settings": settings.model_dump_json(), "code": ""},
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
        "overall": "pass",
        "payment_type=Cash": "pass",
        "payment_type=Crédit": "pass",
        "payment_type=Pcard": "flag",
    }
    written = json.loads(Path(verdict.uri, "metrics.json").read_text())
    assert written["overall"]["auc"] > 0.7
    assert written["baseline"]["binary_crossentropy"] > written["overall"]["binary_crossentropy"]


def test_a_model_that_misses_a_rule_is_not_blessed(binary, model_run, tmp_path):
    verdict = run_judge(binary, model_run, tmp_path, thresholds={"auc": {"min": 0.99}})
    assert Path(verdict.uri, "NOT_BLESSED").is_file()
    assert not Path(verdict.uri, "BLESSED").exists()
    assert not blessing.blesses(verdict, binary.candidate)


def test_a_model_is_not_compared_with_itself(binary, model_run, tmp_path):
    verdict = run_judge(binary, model_run, tmp_path, binary.candidate, change_thresholds={"auc": -0.01})
    assert blessing.blesses(verdict, binary.candidate)
    assert "this model is the one in service" in decisions.read(verdict.uri)[0].message


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
