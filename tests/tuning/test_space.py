"""The search space as it is written, and as trials take it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.models.settings import LayerSettings, ModelSettings
from components.training.settings import TrainingSettings
from components.training.tuned import placed, tuned_values, value_at, with_values
from components.tuning.settings import ParameterSettings, TuningSettings
from schema.section import Section


class Settings(Section):
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ({"values": ["adam", None, 3]}, ("adam", None, 3)),
        ({"low": 1, "high": 10}, ()),
        ({"low": 0, "high": 0.3, "step": 0.1}, (0, 0.1, 0.2, 0.3)),
        ({"low": 16, "high": 130, "step": 2, "scale": "log"}, (16, 32, 64, 128)),
        ({"low": 1e-4, "high": 1e-1, "step": 10, "scale": "log"}, (1e-4, 1e-3, 1e-2, 1e-1)),
    ],
)
def test_a_choice_or_a_stepped_range_lists_its_values(written: dict, listed: tuple) -> None:
    assert ParameterSettings(**written).listed == listed


@given(
    low=st.floats(0.01, 100),
    width=st.floats(1.001, 10),
    step=st.floats(1.1, 10),
    scale=st.sampled_from(["linear", "log"]),
)
def test_stepped_values_rise_from_the_low_end_and_stay_inside(
    low: float, width: float, step: float, scale: str
) -> None:
    parameter = ParameterSettings(low=low, high=low * width, step=step, scale=scale)
    listed = parameter.listed
    assert listed[0] == pytest.approx(low)
    assert list(listed) == sorted(set(listed))
    assert listed[-1] <= parameter.high * (1 + 1e-9)
    following = listed[-1] * step if scale == "log" else listed[-1] + step
    assert following > parameter.high * (1 - 1e-9)


def test_settings_can_be_written_out_and_read_again() -> None:
    written = {
        "objective": "val_auc",
        "algorithm": "grid",
        "space": {"training.batch_size": [16, 32], "training.learning_rate": {"low": 0.1, "high": 1, "step": 0.1}},
    }
    settings = TuningSettings.model_validate(written)
    assert TuningSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"space": {}}, "at least 1 item"),
        ({"space": {"a": []}}, "give a list of values, or a range"),
        ({"space": {"a": {"low": 1}}}, "give a list of values, or a range"),
        ({"space": {"a": {"low": 2, "high": 1}}}, "`low` lies below `high`; received 2 and 1"),
        ({"space": {"a": {"low": 0, "high": 1, "scale": "log"}}}, "on a `log` scale `low` is more than 0"),
        ({"space": {"a": {"low": 1, "high": 9, "step": 1, "scale": "log"}}}, "`step` is a factor of more than 1"),
        ({"space": {"a": {"low": 1, "high": float("inf")}}}, "finite"),
        ({"space": {"a": {"low": 0, "high": 1, "step": 1e-9}}}, "at most 1000 steps"),
        ({"space": {"a": {"values": [1], "low": 1}}}, "not both"),
        ({"trials": None}, "`trials` is missing: random needs to know"),
        ({"algorithm": "grid"}, "`trials` is for random and bayesian"),
        ({"initial_points": 2}, "`initial_points` is for bayesian"),
        ({"factor": 3}, "`factor` is for hyperband"),
        ({"algorithm": "bayesian", "trials": 3}, "begins with 3 random ones"),
        ({"algorithm": "bayesian", "trials": 3, "initial_points": 5}, "begins with 5 random ones"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TuningSettings.model_validate({"objective": "val_loss", "trials": 9, "space": {"training.x": [1]}, **wrong})


@pytest.mark.parametrize(
    ("objective", "direction"),
    [("val_loss", "min"), ("val_mean_absolute_error", "min"), ("val_auc", "max"), ("val_accuracy", "max")],
)
def test_losses_and_errors_are_good_when_small(objective: str, direction: str) -> None:
    assert TuningSettings(objective=objective, trials=1, space={"training.x": [1]}).direction == direction


def test_values_take_their_places() -> None:
    base = Settings(model=ModelSettings(layers=(LayerSettings(units=8), LayerSettings(units=4))))
    values = {
        "model.layers.1.units": 16,
        "training.learning_rate": 0.5,
        "training.schedule.kind": "exponential",
        "training.early_stopping": None,
    }
    changed = with_values(base, values)
    assert [layer.units for layer in changed.model.layers] == [8, 16]
    assert changed.training.learning_rate == 0.5
    assert changed.training.schedule is not None
    assert changed.training.schedule.kind == "exponential"
    assert changed.training.early_stopping is None
    assert {path: value_at(changed, path) for path in values} == values
    assert with_values(changed, {"training": base.training.model_dump(), "model": base.model.model_dump()}) == base


def test_a_whole_list_can_be_a_value() -> None:
    layers = [{"units": 4}, {"units": 4}, {"units": 4}]
    assert len(with_values(Settings(), {"model.layers": layers}).model.layers) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.layers.2.units", "`model.layers` is a list of 2"),
        ("model.layers.last", "`model.layers` is a list of 2"),
        ("training.epochs.most", "`training.epochs` holds no other settings"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        placed(Settings().model_dump(mode="json"), {path: 1})


def test_the_trainer_reads_what_kerastuner_wrote() -> None:
    values = {"training.learning_rate": 0.01, "training.optimizer": '"adam"', "training.schedule": "null", "a": "[1]"}
    found = tuned_values({"space": [], "values": values | {"tuner/epochs": 3}})
    assert found == {"training.learning_rate": 0.01, "training.optimizer": "adam", "training.schedule": None, "a": [1]}
    assert tuned_values(None) == {}
