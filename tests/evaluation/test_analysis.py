"""analysis.json: what a page about a model is drawn from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from small_predictions import ROWS, binary, multiclass, regression

from components.evaluation.depth import record
from components.evaluation.depth.analysis import Analysis
from components.evaluation.predictions import Model, Predictions
from components.evaluation.settings import EvaluationSettings


def settings(**more: object) -> EvaluationSettings:
    return EvaluationSettings.model_validate({"slices": {"shop": "shop"}, "thresholds": {"auc": {"min": 0}}} | more)


def analysed(predictions: Predictions, **more: object) -> dict:
    found = Analysis(predictions, settings(**more)).to_json()
    return json.loads(json.dumps(found, allow_nan=False))


@pytest.fixture(scope="module")
def whole() -> dict:
    return analysed(binary())


def test_every_metric_has_an_interval_overall_and_on_slices(whole):
    overall = whole["intervals"]["overall"]
    assert set(overall) == {
        *("binary_accuracy", "precision", "recall", "f1", "auc", "auc_pr", "binary_crossentropy", "calibration"),
    }  # fmt: skip
    assert all(each["low"] <= each["value"] <= each["high"] and each["method"] for each in overall.values())
    shops = {each["value"]: each for each in whole["intervals"]["slices"]}
    assert set(shops) == {"north", "south", "west"}
    assert sum(each["rows"] for each in shops.values()) == ROWS
    width = {name: each["high"] - each["low"] for name, each in overall.items()}
    assert all(each["high"] - each["low"] > width[name] for name, each in shops["north"]["metrics"].items())
    assert set(shops["north"]["difference"]) == set(shops["north"]["served"]) == set(overall)


def test_both_models_have_curves_and_a_confusion_matrix(whole):
    assert set(whole["curves"]["new"]) == set(whole["curves"]["served"])
    assert whole["confusion"]["labels"] == ["0", "1"]
    assert np.sum(whole["confusion"]["new"]) == np.sum(whole["confusion"]["served"]) == ROWS


def test_models_that_know_the_same_are_neither_better_nor_worse():
    found = [analysed(binary(seed=seed))["comparison"]["auc"] for seed in range(20)]
    assert sum(each["better"] is not None for each in found) <= 4
    assert all(each["low"] <= each["new"] - each["served"] <= each["high"] for each in found)


def test_a_model_that_is_worse_is_called_so_in_every_metric_s_own_direction():
    found = analysed(binary(4000, worse_in="north"))
    assert found["comparison"]["auc"]["better"] is False
    assert found["comparison"]["binary_crossentropy"]["better"] is False
    assert found["comparison"]["binary_crossentropy"]["difference"] > 0
    shops = {each["value"]: each["difference"]["auc"] for each in found["intervals"]["slices"]}
    assert shops["north"]["high"] < 0
    assert shops["south"]["low"] < 0 < shops["south"]["high"]


def test_a_calibration_is_better_the_closer_it_is_to_1():
    split = binary(4000)
    low = replace(split.new, scores=split.new.scores * np.float32(0.7))
    assert analysed(replace(split, new=low))["comparison"]["calibration"]["better"] is False
    assert analysed(replace(split, served=low))["comparison"]["calibration"]["better"] is True


def test_the_weak_shop_is_found_and_told_in_a_metric_that_people_read():
    found = analysed(binary(2000, worse_in="west"))["weak_slices"]
    first = found[0]
    assert (first["where"], first["columns"], first["significant"]) == ("shop = west", ["shop"], True)
    assert first["metric"] == "binary_crossentropy"
    assert first["difference"] == pytest.approx(first["value"] - first["rest"], abs=1e-5)
    assert first["served"] < first["value"]
    assert first["familiar"]["metric"] == "binary_accuracy"
    assert first["familiar"]["value"] < first["familiar"]["rest"]


def test_a_search_keeps_to_its_columns_or_does_not_happen():
    split = binary(2000, worse_in="west")
    found = analysed(split, find_slices={"columns": ["amount"]})
    assert {each["columns"][0] for each in found["weak_slices"]} <= {"amount"}
    none = analysed(split, find_slices={"max": 0})
    assert (none["weak_slices"], none["slices_looked_at"]) == ([], 0)


@pytest.mark.parametrize("make", [multiclass, regression])
def test_other_tasks_have_their_own(make):
    found = analysed(make())
    assert found["comparison"] is None
    assert found["curves"]["served"] is None
    assert (found["confusion"] is None) == (make is regression)
    assert found["weak_slices"]


def spoilt(predictions: Predictions, rows: slice) -> Predictions:
    scores = predictions.new.scores.copy()
    scores[rows] = np.nan
    return replace(predictions, new=replace(predictions.new, scores=scores))


@pytest.mark.parametrize("make", [binary, multiclass, regression])
def test_rows_without_a_finite_score_are_left_out_and_counted(make):
    split = make()
    found = analysed(spoilt(split, slice(0, 50)))
    assert (found["rows"], found["not_finite"]) == (ROWS - 50, 50)
    assert found["intervals"]["overall"]
    nothing = analysed(spoilt(split, slice(None)))
    assert (nothing["rows"], nothing["not_finite"], nothing["intervals"]["overall"]) == (0, ROWS, {})
    assert (nothing["curves"]["new"], nothing["weak_slices"]) == (None, [])


def test_a_model_in_service_without_finite_scores_is_not_compared_with():
    split = binary()
    broken = Model(np.full(ROWS, np.nan, np.float32), 0.5, None)
    assert analysed(replace(split, served=broken))["comparison"] is None


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_tiny_test_split_is_analysed(rows):
    found = analysed(binary(rows))
    assert found["rows"] == rows
    assert found["weak_slices"] == []


def test_a_test_split_of_one_class_has_no_ranking():
    split = binary()
    found = analysed(replace(split, label=np.zeros(ROWS, int)))
    assert not {"auc", "auc_pr", "recall"} & set(found["intervals"]["overall"])
    assert "roc" not in found["curves"]["new"]
    assert found["confusion"]["new"][1] == [0, 0]


def test_what_was_written_is_read(tmp_path):
    content = analysed(binary(100))
    assert record.read(tmp_path) == {}
    record.write(content, str(tmp_path / "blessing"))
    assert record.read(tmp_path / "blessing") == content
