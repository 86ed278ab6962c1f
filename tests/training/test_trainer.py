"""A network trained by TFX's real Trainer: it learns, it serves raw rows, and it comes out the same again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from small_training import Trained, build, serialize, train, trainer_settings

from components.models.inputs import feature_inputs
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training.trainer import TrainerSettings
from components.transform.settings import ColumnSettings, FeaturesSettings
from schema.errors import SettingsError


@pytest.fixture(scope="module")
def loaded(trained: Trained):
    return tf.saved_model.load(str(trained.model))


def test_learns_a_rule_that_the_features_determine(trained: Trained) -> None:
    record = json.loads((trained.model_run / "training.json").read_text())
    assert record["eval"]["binary_accuracy"] > 0.9
    assert record["eval"]["auc"] > 0.95
    assert len(record["history"]["loss"]) == record["epochs"] <= 15


def test_the_network_can_be_started_from_what_was_written(trained: Trained) -> None:
    transform_output = tft.TFTransformOutput(trained.transform_graph.uri)
    inputs = feature_inputs(transform_output, trained.settings.features)
    network = build_model(inputs, trained.settings.label, trained.settings.model)
    network.load_weights(trained.model_run / "weights.weights.h5")
    served = tf.saved_model.load(str(trained.model)).signatures
    rows = tf.constant([serialize(row) for row in trained.rows[:20]])
    features = served["transform_features"](examples=rows)
    np.testing.assert_allclose(network(features), served["serving_default"](examples=rows)["scores"], atol=1e-6)


def test_no_checkpoint_is_left(trained: Trained) -> None:
    assert not Path(trained.settings.checkpoints).exists()


def test_writes_tensorboard_events(trained: Trained) -> None:
    assert list(Path(trained.settings.tensorboard).rglob("events.out.tfevents.*"))


def test_all_signatures_are_there(loaded) -> None:
    assert set(loaded.signatures) == {
        "serving_default",
        "predict",
        "transform_features",
        "evaluation_features",
        "embeddings",
        "decision",
    }


def test_serialized_examples_and_raw_columns_give_the_same_scores(trained: Trained, loaded) -> None:
    rows = trained.rows[:50]
    by_example = loaded.signatures["serving_default"](examples=tf.constant([serialize(row) for row in rows]))["scores"]
    missing = {"miles": float("nan")}
    columns = {
        name: tf.constant(
            [missing[name] if row[name] is None else row[name] for row in rows],
            {"float": tf.float32, "int": tf.int64, "string": tf.string}[column.type],
        )
        for name, column in trained.settings.features.columns.items()
    }
    by_column = loaded.signatures["predict"](**columns)["scores"]
    assert by_example.shape == (50, 1)
    np.testing.assert_allclose(by_example, by_column, atol=1e-6)
    assert np.all((by_example.numpy() >= 0) & (by_example.numpy() <= 1))


def test_a_row_without_any_value_still_gets_a_score(loaded) -> None:
    [[score]] = loaded.signatures["serving_default"](examples=tf.constant([serialize({})]))["scores"].numpy()
    assert 0 <= score <= 1


def test_evaluation_features_name_label_and_ranges(trained: Trained, loaded) -> None:
    rows = [{"fare": 5.0, "tipped": "no"}, {"fare": 10.0, "tipped": "yes"}, {"fare": 31.0, "tipped": "no"}, {}]
    found = loaded.signatures["evaluation_features"](examples=tf.constant([serialize(row) for row in rows]))
    assert found["label_index"].numpy().tolist() == [0, 1, 0, 0]
    assert found["fare_band"].numpy().tolist() == [b"< 10", b"[10, 30)", b">= 30", b"missing"]


def test_transformed_features_follow_the_settings(trained: Trained, loaded) -> None:
    rows = trained.rows[:1000]
    found = loaded.signatures["transform_features"](examples=tf.constant([serialize(row) for row in rows]))
    values = {name: tensor.numpy() for name, tensor in found.items()}
    miles = np.array([row["miles"] for row in rows], dtype=float)
    present = ~np.isnan(miles)
    expected = (miles[present] - miles[present].mean()) / miles[present].std()
    np.testing.assert_allclose(values["miles"][present, 0], expected, atol=1e-4)
    np.testing.assert_allclose(values["miles"][~present, 0], 0, atol=1e-6)  # the mean, scaled
    np.testing.assert_array_equal(values["miles_missing"][:, 0], (~present).astype(float))
    logs = np.log1p([row["fare"] for row in rows])
    np.testing.assert_allclose(values["fare"][:, 0], (logs - logs.min()) / (logs.max() - logs.min()), atol=1e-4)
    quartiles = np.bincount(values["latitude"][:, 0], minlength=4)
    assert np.all(np.abs(quartiles - 250) < 40)
    np.testing.assert_array_equal(values["hour"][:, 0], [row["hour"] for row in rows])
    assert values["payment"].shape == (1000, 4)
    np.testing.assert_array_equal(values["payment"].sum(axis=1), 1)
    assert values["company"].max() == 1
    assert values["tract"].min() >= 0
    assert values["tract"].max() < 7
    assert values["place_and_hour"].max() < 50


@pytest.mark.parametrize(("hour", "expected"), [(23, 23), (24, 24), (-1, 24), (None, 24)])
def test_integers_outside_the_range_share_one_id(loaded, hour: int | None, expected: int) -> None:
    found = loaded.signatures["transform_features"](examples=tf.constant([serialize({"hour": hour})]))
    assert found["hour"].numpy()[0, 0] == expected


def test_the_same_seed_gives_the_same_weights(trained: Trained, tmp_path: Path) -> None:
    settings = trainer_settings(tmp_path / "tensorboard", epochs=2)
    scores = []
    for attempt in ("first", "second"):
        model, _ = train(settings, trained.examples, trained.transform_graph, tmp_path / attempt)
        served = tf.saved_model.load(str(model)).signatures["serving_default"]
        rows = [serialize(row) for row in trained.rows[:20]]
        scores.append(served(examples=tf.constant(rows))["scores"].numpy())
    np.testing.assert_array_equal(*scores)


def test_a_schedule_and_fixed_steps_stay_inside_their_budget(trained: Trained, tmp_path: Path) -> None:
    settings = trainer_settings(
        tmp_path / "tensorboard", epochs=2, steps_per_epoch=100, validation_steps=2, schedule={"kind": "cosine"}
    )
    _, run = train(settings, trained.examples, trained.transform_graph, tmp_path)
    record = json.loads((run / "training.json").read_text())
    assert record["epochs"] == 2
    assert all(math.isfinite(loss) for loss in record["history"]["val_loss"])


def test_training_stops_early_and_keeps_the_best_weights(trained: Trained, tmp_path: Path) -> None:
    settings = trainer_settings(
        tmp_path / "tensorboard", epochs=40, learning_rate=0.3, early_stopping={"patience": 1}, class_weights=None
    )
    _, run = train(settings, trained.examples, trained.transform_graph, tmp_path)
    record = json.loads((run / "training.json").read_text())
    assert record["epochs"] < 40
    assert record["eval"]["loss"] == pytest.approx(min(record["history"]["val_loss"]), rel=1e-3)


def test_a_training_that_broke_off_goes_on_and_another_setting_starts_afresh(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = trainer_settings(tmp_path / "tensorboard", epochs=3, early_stopping=None)
    places = (trained.examples, trained.transform_graph)

    def run(name: str, settings: TrainerSettings) -> tuple[dict[str, Any], list[str]]:
        caplog.clear()
        with caplog.at_level("INFO", "headgate.progress"):
            _, model_run = train(settings, *places, tmp_path / name)
        said = [record.getMessage() for record in caplog.records if record.name == "headgate.progress"]
        return json.loads((model_run / "training.json").read_text()), said

    whole, _ = run("whole", settings)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="disk"):
        patch.setattr("tensorflow.saved_model.save", _full_disk)
        run("broken", settings)
    assert len(list(Path(settings.checkpoints).iterdir())) == 1

    again, said = run("again", settings)
    assert again == whole
    assert said[-2:] == ["going on after epoch 3", "exporting the model"]
    assert not any(line.startswith("epoch") for line in said)
    assert not Path(settings.checkpoints).exists()

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="disk"):
        patch.setattr("tensorflow.saved_model.save", _full_disk)
        run("broken again", settings)
    training = settings.training.model_copy(update={"learning_rate": 0.002})
    _, said = run("changed", settings.model_copy(update={"training": training}))
    assert any(line.startswith("epoch 1/3") for line in said)
    assert len(list(Path(settings.checkpoints).iterdir())) == 1  # of the one that broke off: its run may be repeated


def _full_disk(*arguments: Any, **options: Any) -> None:
    raise OSError("the disk is full")


def test_the_users_own_functions_take_the_places_of_ours(tmp_path: Path) -> None:
    features = FeaturesSettings(
        columns={"miles": ColumnSettings(), "company": ColumnSettings(type="string")},
        preprocessing_fn="own_functions:preprocessing_fn",
    )
    trained = build(tmp_path, features=features, model=ModelSettings(build="own_functions:linear"), epochs=1)
    served = tf.saved_model.load(str(trained.model)).signatures
    rows = tf.constant([serialize(row) for row in trained.rows[:10]])
    assert set(served["transform_features"](examples=rows)) == {"miles_scaled", "company_id"}
    assert served["predict"](miles=tf.constant([2.0]), company=tf.constant(["Sun"]))["scores"].shape == (1, 1)
    assert served["serving_default"](examples=rows)["scores"].shape == (10, 1)


def test_an_output_that_no_network_can_take_is_told_by_name(tmp_path: Path) -> None:
    features = FeaturesSettings(columns={"miles": ColumnSettings()}, preprocessing_fn="own_functions:ragged_output")
    with pytest.raises(SettingsError, match="`miles` cannot be fed to a network"):
        build(tmp_path, features=features)


def test_a_range_may_cut_a_whole_number_that_the_network_does_not_read(tmp_path: Path) -> None:
    features = FeaturesSettings(columns={"miles": ColumnSettings()})
    trained = build(tmp_path, features=features, sliced="hour", epochs=1)
    served = tf.saved_model.load(str(trained.model)).signatures["evaluation_features"]
    rows = [serialize({"hour": hour}) for hour in (9, 10, 30, None)]
    assert served(examples=tf.constant(rows))["hour_band"].numpy().tolist() == [
        b"< 10",
        b"[10, 30)",
        b">= 30",
        b"missing",
    ]
