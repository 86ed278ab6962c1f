"""What a model looked like at training, as columns, statistics and a file in the exported model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.feature_statistics import by_name, row_count
from components.label import LabelSettings
from components.monitor import basis, columns, profile

BINARY = LabelSettings(name="tipped", classes=("no", "yes"))
DIGITS = LabelSettings(name="digit", task="multiclass", classes=(3, 5, 8))
NUMBER = LabelSettings(name="fare", task="regression")


def test_answers_of_a_binary_model():
    scores = np.array([[0.1], [0.35], [0.45], [0.9]], np.float32)
    found = columns.predictions(scores, BINARY, threshold=0.4, margin=0.06)
    assert found["prediction/class"].tolist() == ["no", "no", "yes", "yes"]
    assert found["prediction/confidence"] == pytest.approx([0.9, 0.65, 0.45, 0.9])
    assert found["prediction/near_threshold"].tolist() == ["far", "near", "near", "far"]
    assert found["prediction/score"] == pytest.approx(scores[:, 0])


def test_answers_of_a_model_of_several_classes():
    scores = np.array([[0.5, 0.4, 0.1], [0.1, 0.1, 0.8]], np.float32)
    found = columns.predictions(scores, DIGITS, threshold=0.5, margin=0.2)
    assert found["prediction/class"].tolist() == ["3", "8"]
    assert found["prediction/confidence"] == pytest.approx([0.5, 0.8])
    assert found["prediction/near_threshold"].tolist() == ["near", "far"]
    assert "prediction/score" not in found


def test_answers_of_a_regression_are_numbers():
    assert set(columns.predictions(np.array([[3.5]]), NUMBER, 0.5, 0.0)) == {"prediction/score"}


@pytest.mark.parametrize("label", [BINARY, DIGITS, NUMBER])
def test_a_profile_survives_the_way_to_disk(tmp_path, label):
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(3), 1200) if label is DIGITS else random.random((1200, 1))
    made = profile.make(label, scores, random.integers(0, 2, 1200), random.normal(size=(1200, 6)), 0.4)
    profile.write(made, tmp_path)
    read = profile.read(tmp_path)
    for name in ("mean", "components", "spread"):
        np.testing.assert_array_equal(getattr(read.basis, name), getattr(made.basis, name))
    assert replace(read, basis=None) == replace(made, basis=None)
    assert (read.calibration is None) == (label is NUMBER)
    assert profile.read(tmp_path / "elsewhere") is None
    assert not [path for path in (tmp_path / profile.FOLDER).iterdir() if path.suffix not in (".json", ".pb", ".npz")]


def test_a_tenth_of_the_rows_at_training_is_near_the_threshold():
    random = np.random.default_rng(1)
    made = profile.make(BINARY, random.random((500, 1)), random.integers(0, 2, 500), None, 0.9)
    near = by_name(made.statistics)["prediction/near_threshold"].string_stats.rank_histogram.buckets
    assert {bucket.label: bucket.sample_count for bucket in near} == {"near": 50, "far": 450}


def test_rows_without_finite_numbers_are_left_out_and_nothing_comes_of_none():
    scores = np.array([[0.2], [np.nan], [0.6], [0.7]])
    embeddings = np.array([[1.0, 2], [1, 3], [np.inf, 1], [2, 0]])
    made = profile.make(BINARY, scores, np.zeros(4), embeddings, 0.5)
    assert (made.rows, row_count(made.statistics)) == (2, 2)
    assert profile.make(BINARY, np.full((3, 1), np.nan), np.zeros(3), None, 0.5) is None


def test_embeddings_are_told_in_the_directions_in_which_they_vary_most():
    random = np.random.default_rng(2)
    embeddings = random.normal(size=(3000, 10)) * [9, 5, 3, *([0.1] * 7)]
    found = basis.fit(embeddings)
    assert np.abs(found.components[:3, :3]) == pytest.approx(np.eye(3), abs=0.05)
    told = found.columns(embeddings)
    assert list(told) == ["embedding/1", "embedding/2", "embedding/3", "embedding/4", "embedding/distance"]
    assert told["embedding/1"].std() == pytest.approx(9, rel=0.05)
    assert (told["embedding/distance"] ** 2).mean() == pytest.approx(1)


def test_a_row_of_another_kind_is_far_though_no_component_tells_it():
    random = np.random.default_rng(3)
    embeddings = random.normal(size=(500, 10)) * [5, 5, 5, 5, *([0.01] * 6)]
    strange = embeddings[:50] + np.array([0.0] * 9 + [40.0])
    told = basis.fit(embeddings).columns(strange)
    assert max(abs(told[f"embedding/{number}"].mean()) for number in range(1, 5)) < 3
    assert told["embedding/distance"].min() > 3.5


@pytest.mark.parametrize("embeddings", [np.ones((50, 4)), np.ones((1, 4)), np.zeros((0, 4))])
def test_embeddings_that_are_all_the_same_have_no_directions(embeddings):
    assert basis.fit(embeddings) is None


def test_statistics_are_those_of_the_statistics_step():
    found = columns.statistics(
        {"prediction/score": np.linspace(0, 1, 1000), "prediction/class": np.array(["a"] * 1000, object)}
    )
    assert isinstance(found, statistics_pb2.DatasetFeatureStatisticsList)
    [quantiles] = [
        each for each in by_name(found)["prediction/score"].num_stats.histograms if each.type == each.QUANTILES
    ]
    assert len(quantiles.buckets) == 50
