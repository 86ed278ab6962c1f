"""What cannot be trained is refused when the settings are read, with its place and the nearest right name."""

from __future__ import annotations

import pytest

from pipeline.problems import SettingsErrors
from pipeline.settings_file import load
from schema.errors import SettingsError

TABLE = """\
name: trips
data: {path: trips.csv}
label: {name: tipped}
features:
  columns:
    fare: {transform: zscore}
    hour: {type: int, transform: identity, size: 24}
evaluation: {thresholds: {calibration: {max: 9}}}
"""
IDS = TABLE.replace("    fare: {transform: zscore}\n", "")
PHOTOS = TABLE.replace("  columns:", "  images:\n    photo: {height: 8, width: 8}\n  columns:")
PRICES = TABLE.replace("{name: tipped}", "{name: price, task: regression}")


@pytest.fixture
def refused(tmp_path):
    def read(text: str, training: str) -> SettingsError:
        file = tmp_path / "trips.yaml"
        file.write_text(f"{text}training:\n  {training}\n", encoding="utf-8")
        with pytest.raises(SettingsError) as caught:
            load(str(file))
        error = caught.value
        assert not isinstance(error, SettingsErrors)
        assert "trips.yaml, line" in str(error.where)
        assert error.exit_code == 2
        return error

    return read


@pytest.mark.parametrize(
    ("optimizer", "nearest"), [("adma", "adam"), ("rmspop", "rmsprop"), ("Adagrad", "adagrad"), ("leon", "lion")]
)
def test_an_unknown_optimiser(refused, optimizer, nearest):
    error = refused(TABLE, f"optimizer: {optimizer}")
    assert error.what == "`training.optimizer` cannot be used as it is."
    assert error.expected == "adam, adamw, sgd, rmsprop, adagrad, nadam, lion"
    assert error.fix == f"did you mean `{nearest}`?"


def test_an_unknown_activation_of_a_layer(tmp_path):
    file = tmp_path / "trips.yaml"
    file.write_text(TABLE + "model: {layers: [{units: 8, activation: rellu}]}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(str(file))
    assert caught.value.fix == "did you mean `relu`?"


def test_augmentation_without_images(refused):
    error = refused(TABLE, "augmentation: {rotate: 10}")
    assert error.what == "`training.augmentation`: there are no images among the features."
    assert error.received == "columns only"


@pytest.mark.parametrize(
    ("augmentation", "what"),
    [
        ("{}", "nothing is changed"),
        ("{flip: sideways}", "`training.augmentation.flip` cannot be used as it is."),
        ("{rotate: 200}", "`training.augmentation.rotate` cannot be used as it is."),
        ("{translate: 1.5}", "`training.augmentation.translate` cannot be used as it is."),
        ("{shear: 3}", "`training.augmentation.shear` is not a setting."),
    ],
)
def test_augmentation_that_is_none(refused, augmentation, what):
    assert what in refused(PHOTOS, f"augmentation: {augmentation}").what


def test_adversarial_rows_of_ids(refused):
    error = refused(IDS, "adversarial: {epsilon: 0.1}")
    assert error.what == "`training.adversarial`: there is no image and no number to move."


@pytest.mark.parametrize("adversarial", ["{}", "{epsilon: 0}", "{epsilon: 0.1, weight: 2}"])
def test_adversarial_rows_that_are_none(refused, adversarial):
    assert "training.adversarial." in refused(TABLE, f"adversarial: {adversarial}").what


def test_fine_tuning_of_a_network_that_knows_nothing(refused):
    error = refused(TABLE, "fine_tuning: {frozen: [dense_1]}")
    assert error.what == "`training.fine_tuning`: frozen layers need `model.weights` to start from."


def test_smoothed_labels_of_a_regression(refused):
    assert "a regression has no classes" in refused(PRICES, "label_smoothing: 0.1").what


def test_smoothed_labels_and_a_loss_of_the_users_own(refused):
    error = refused(TABLE, "{label_smoothing: 0.1, step: 'losses:focal'}")
    assert error.what == "`training.label_smoothing`: smooth the labels in the loss of your own."
    assert error.received == "`losses:focal`"


@pytest.mark.parametrize("step", ["tap", "fit()", "losses.focal"])
def test_an_unknown_step(refused, step):
    error = refused(TABLE, f"step: {step}")
    assert error.what == "`training.step` cannot be used as it is."
    assert error.expected.startswith("fit, tape or text of the form")


@pytest.mark.parametrize(
    "training",
    ["fine_tuning: {frozen: []}", "clip_norm: 0", "weight_decay: -1", "schedule: {warm_up: 1}", "label_smoothing: 1"],
)
def test_numbers_outside_their_range(refused, training):
    assert refused(TABLE, training).expected
