"""What training leaves for evaluation: the decision threshold, and accuracy under FGSM, in record and SavedModel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import json_format
from small_training import LABEL, Trained, build, serialize
from tensorflow.core.protobuf import saved_model_pb2

from components.evaluation import saved_model
from components.evaluation.decision import DEFAULT, choose
from components.models.inputs import feature_inputs
from components.models.registry import build_model
from components.training.export import decision_function
from components.training.fgsm import perturb
from components.training.settings import RECORD, WEIGHTS
from components.transform.settings import ColumnSettings, FeaturesSettings
from schema.errors import SettingsError


@pytest.fixture(scope="module")
def record(trained: Trained) -> dict:
    return json.loads((trained.model_run / RECORD).read_text())


@pytest.fixture(scope="module")
def signatures(trained: Trained):
    return tf.saved_model.load(str(trained.model)).signatures


def scores_and_labels(signatures, rows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    examples = tf.constant([serialize(row) for row in rows])
    scores = signatures["serving_default"](examples=examples)["scores"].numpy()[:, 0]
    return scores, np.array([row["tipped"] == "yes" for row in rows])


def test_the_threshold_is_chosen_on_the_eval_split(trained, record, signatures):
    expected = choose(trained.settings.decision, *scores_and_labels(signatures, trained.rows[1000:]))
    found = record["threshold"]
    assert found["value"] == pytest.approx(expected.value, abs=1e-5) != DEFAULT
    assert (found["rule"], found["rows"], found["unmet"]) == (
        "least cost, 1 a false positive, 20 a false negative",
        200,
        None,
    )
    assert (found["precision"], found["recall"]) == (expected.precision, expected.recall)


def test_the_metrics_of_both_splits_are_taken_at_the_threshold(trained, record, signatures):
    for split, rows in (("train", trained.rows[:1000]), ("eval", trained.rows[1000:])):
        scores, positive = scores_and_labels(signatures, rows)
        predicted = scores > record["threshold"]["value"]
        assert record[split]["binary_accuracy"] == pytest.approx(np.mean(predicted == positive))
        assert record[split]["precision"] == pytest.approx(positive[predicted].mean())
        assert record[split]["recall"] == pytest.approx(predicted[positive].mean())


def test_tensorflow_serving_s_metadata_tell_the_threshold(trained, record):
    content = saved_model_pb2.SavedModel.FromString(Path(trained.model, "saved_model.pb").read_bytes())
    # GetModelMetadata gives the SignatureDefs as they stand in the file; over REST as this JSON.
    signature = content.meta_graphs[0].signature_def["decision"]
    told = json_format.MessageToDict(signature, preserving_proto_field_name=True)
    assert told["defaults"]["threshold"]["dtype"] == "DT_FLOAT"
    assert told["defaults"]["threshold"]["float_val"] == [pytest.approx(record["threshold"]["value"])]
    assert told["method_name"] == "tensorflow/serving/predict"


def test_the_evaluator_reads_threshold_and_outputs_without_loading_the_model(trained, record):
    facts = saved_model.facts(str(trained.model))
    assert np.float32(facts.threshold) == np.float32(record["threshold"]["value"])
    assert facts.computes == {"label_index", "fare_band", "fgsm_0.1"}


def test_a_model_that_was_exported_without_a_threshold_has_the_default(tmp_path):
    features = tf.function(lambda examples: {"label_index": examples}, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures={"evaluation_features": features})
    assert saved_model.facts(str(tmp_path)) == saved_model.Facts(DEFAULT, frozenset({"label_index"}))


def test_the_decision_signature_turns_scores_into_labels(record, signatures):
    threshold = np.float32(record["threshold"]["value"])
    scores = tf.constant([[threshold], [np.nextafter(threshold, np.float32(1))]])
    labels = signatures["decision"](scores=scores, threshold=tf.constant(threshold))["label"]
    assert labels.numpy().tolist() == [b"no", b"yes"]
    assert decision_function(0.3, LABEL)(tf.constant([[0.2], [0.4]]))["label"].numpy().tolist() == [b"no", b"yes"]


def test_evaluation_features_tell_which_rows_withstand_fgsm(trained, record, signatures):
    rows = trained.rows[1000:]
    examples = tf.constant([serialize(row) for row in rows])
    found = signatures["evaluation_features"](examples=examples)["fgsm_0.1"].numpy()
    assert found.shape == (200, 1)
    inputs = feature_inputs(tft.TFTransformOutput(trained.transform_graph.uri), trained.settings.features)
    network = build_model(inputs, LABEL, trained.settings.model)
    network.load_weights(trained.model_run / WEIGHTS)
    positive = np.array([[row["tipped"] == "yes"] for row in rows])
    moved = perturb(network, signatures["transform_features"](examples=examples), positive.astype(int), 0.1, "binary")
    answers = network(moved, training=False).numpy() > record["threshold"]["value"]
    np.testing.assert_array_equal(found, answers == positive)
    assert found.mean() < record["eval"]["binary_accuracy"]


def test_fgsm_on_a_network_that_reads_ids_only_is_refused(tmp_path, trained):
    features = FeaturesSettings(columns={"company": ColumnSettings(type="string", transform=("vocabulary",))})
    with pytest.raises(SettingsError, match="nothing to move") as raised:
        build(tmp_path, features=features, evaluation={"adversarial": trained.settings.adversarial})
    assert raised.value.where == "evaluation.adversarial"
    assert "company" in raised.value.received
