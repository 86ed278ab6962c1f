"""What the settings ask for, and what this machine has: told apart before any step runs."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from components import gpus
from components.training.accelerator_settings import AcceleratorSettings
from pipeline.device import training_environment
from schema.errors import SettingsError


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many GPUs."""

    def with_gpus(count: int) -> None:
        monkeypatch.setattr(gpus, "installed", lambda: [f"GPU {number}" for number in range(count)])
        monkeypatch.setenv(gpus.VARIABLE, gpus.NONE)

    return with_gpus


def environment(chosen=None, **settings):
    return training_environment(AcceleratorSettings(**settings), chosen)


def test_without_a_gpu_all_steps_run_in_one_process(machine):
    machine(0)
    assert environment() is None
    assert environment(replicas="all") is None


@pytest.mark.parametrize("device", ["auto", "gpu"])
def test_with_a_gpu_training_gets_a_process_that_sees_it(machine, device):
    machine(2)
    everything_else = {name: value for name, value in os.environ.items() if name != gpus.VARIABLE}
    assert environment(device=device) == everything_else
    assert environment("1", device=device) == {**everything_else, gpus.VARIABLE: "1"}
    assert environment(device=device, replicas=2) is not None


def test_no_gpu_is_looked_for_where_none_is_wanted(machine):
    machine(2)
    assert environment(device="cpu") is None
    assert environment("") is None


def test_deterministic_operations_have_a_process_of_their_own(machine):
    machine(0)
    assert environment(deterministic=True) == dict(os.environ)


@pytest.mark.parametrize(
    ("count", "chosen", "received"),
    [(0, None, "no GPU"), (2, "-1", "2 GPUs (GPU 0; GPU 1), and CUDA_VISIBLE_DEVICES=-1")],
)
def test_asking_for_a_gpu_where_there_is_none_is_refused(machine, count, chosen, received):
    machine(count)
    with pytest.raises(SettingsError, match="There is no GPU to train on") as caught:
        environment(chosen, device="gpu")
    assert caught.value.received == received
    assert "auto" in caught.value.fix


@pytest.mark.parametrize(
    ("count", "settings", "most", "received"),
    [
        (0, {"replicas": 2}, 1, "no GPU"),
        (2, {"replicas": 3, "device": "gpu"}, 2, "2 GPUs (GPU 0; GPU 1)"),
        (4, {"replicas": 2, "device": "cpu"}, 1, "device: cpu, which is one"),
    ],
)
def test_more_replicas_than_devices_are_refused(machine, count, settings, most, received):
    machine(count)
    with pytest.raises(SettingsError, match="not devices enough") as caught:
        environment(**settings)
    assert caught.value.expected == f"at most {most}, or all"
    assert caught.value.received == received


@pytest.mark.parametrize("replicas", [2, "all"])
def test_xla_compiles_for_one_replica(replicas):
    with pytest.raises(ValidationError, match="for one replica"):
        AcceleratorSettings(xla=True, replicas=replicas)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("accelerator.device=gpu", "There is no GPU to train on."),
        ("accelerator.replicas=2", "There are not devices enough for 2 replicas."),
        ("accelerator.replicas=3", "`training.batch_size`: a multiple of the 3 replicas that share a batch."),
        ("accelerator.memory=12", "`accelerator.memory` cannot be used as it is."),
    ],
)
def test_no_step_runs_with_settings_that_the_machine_cannot_follow(new, monkeypatch, setting, told):
    monkeypatch.setattr(gpus, "installed", lambda: [])
    pipeline = new()
    ended = pipeline.run("--set", setting)
    assert ended.code == 2
    assert ended.json["error"]["what"] == told
    assert pipeline.history.runs() == []
