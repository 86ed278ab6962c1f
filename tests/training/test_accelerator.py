"""The same training in other precisions, compiled by XLA, and shared by two devices."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import two_replicas
from fresh_process import fresh
from small_fit import BINARY, INPUTS, fit, splits
from small_training import Trained, train, trainer_settings

from components import gpus
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training import accelerator
from components.training.accelerator import scope, set_up
from components.training.accelerator_settings import AcceleratorSettings
from schema.errors import SettingsError


@pytest.fixture(scope="module")
def apart():
    """What `two_replicas.py` came to."""
    ended = fresh(two_replicas)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("training", two_replicas.TRAININGS)
def test_two_replicas_learn_what_one_learns_from_the_same_batches(apart, training):
    one, two = apart[training]
    np.testing.assert_allclose(two["weights"], one["weights"], atol=1e-5)
    assert set(two["history"]) == set(one["history"])
    for name, values in one["history"].items():
        np.testing.assert_allclose(two["history"][name], values, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_rows_that_do_not_fill_a_batch_do_no_harm(apart):
    assert np.isfinite(apart["a rest"]["weights"]).all()


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused(apart):
    assert apart["odd"].startswith("Replicas cannot take equal parts of a batch.")


@pytest.mark.slow
def test_replicas_may_compute_in_half_precision(apart):
    half, _ = apart["half precision"]
    assert half["history"]["loss"] == pytest.approx(apart["fit"][0]["history"]["loss"], abs=0.05)
    assert apart["policy"] == "float32"


@pytest.mark.slow
def test_a_training_in_half_precision_that_broke_off_goes_on_with_its_scale_of_the_loss(apart):
    whole, resumed = apart["half precision"]
    assert resumed == whole


@pytest.mark.slow
def test_deterministic_operations_give_the_same_bits_again(apart):
    once, again = apart["deterministic"]
    assert once == again


@pytest.fixture(scope="module")
def plain():
    return fit()


@pytest.mark.parametrize("step", ["fit", pytest.param("tape", marks=pytest.mark.slow)])
@pytest.mark.parametrize("precision", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_a_network_trained_in_16_bits_is_judged_and_served_in_32(plain, precision, step):
    fitted = fit(step=step, accelerator={"precision": precision})
    assert fitted.history["loss"] == pytest.approx(plain.history["loss"], abs=0.01)
    assert {layer.compute_dtype for layer in fitted.network.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert fitted.evaluate(splits().eval)["loss"] == pytest.approx(fitted.history["val_loss"][-1], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["fit", "tape"])
def test_xla_compiles_the_same_training(plain, step):
    fitted = fit(step=step, accelerator={"xla": True})
    for one, other in zip(plain.network.get_weights(), fitted.network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_exported_model_knows_nothing_of_16_bits(trained: Trained, tmp_path):
    settings = trainer_settings(tmp_path / "t", epochs=1, accelerator=AcceleratorSettings(precision="mixed_bfloat16"))
    model, _ = train(settings, trained.examples, trained.transform_graph, tmp_path)
    served = tf.saved_model.load(str(model)).signatures["serving_default"]
    graph = served.graph.as_graph_def()
    operations = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert operations
    assert not any("bfloat16" in str(node.attr).lower() for node in operations)


def test_a_head_in_16_bits_is_refused():
    settings = ModelSettings(build="own_functions:linear")
    with (
        scope(AcceleratorSettings(precision="mixed_float16")),
        pytest.raises(SettingsError, match="not exact enough") as caught,
    ):
        build_model(INPUTS[:1], BINARY, settings)
    assert caught.value.received == "float16"
    assert keras.config.dtype_policy().name == "float32"
    assert build_model(INPUTS[:1], BINARY, settings)


def test_more_replicas_than_devices_are_refused():
    with pytest.raises(SettingsError, match="not devices enough"), scope(AcceleratorSettings(replicas=64)):
        pass


class Machine:
    """A machine with two GPUs, as far as TensorFlow's settings go."""

    def __init__(self, monkeypatch, count: int = 2) -> None:
        devices = [tf.config.PhysicalDevice(f"GPU:{number}", "GPU") for number in range(count)]
        self.visible, self.growing, self.limits = None, [], {}
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: devices)
        monkeypatch.setattr(tf.config, "set_visible_devices", self._show)
        monkeypatch.setattr(tf.config, "set_logical_device_configuration", self._limit)
        monkeypatch.setattr(tf.config.experimental, "set_memory_growth", self._grow)
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"H200 {gpu.name}"}
        )

    def _show(self, devices, kind) -> None:
        self.visible = [gpu.name for gpu in devices]

    def _grow(self, gpu, enable) -> None:
        self.growing += [gpu.name] if enable else []

    def _limit(self, gpu, devices) -> None:
        self.limits[gpu.name] = [device.memory_limit for device in devices]


def test_memory_grows_on_the_gpus_that_are_used(monkeypatch, caplog):
    machine = Machine(monkeypatch)
    with caplog.at_level("INFO", "headgate.progress"):
        set_up(AcceleratorSettings())
    assert machine.visible == machine.growing == ["GPU:0"]
    assert caplog.messages == ["training on H200 GPU:0"]


def test_memory_has_the_limit_that_is_set(monkeypatch):
    machine = Machine(monkeypatch)
    set_up(AcceleratorSettings(memory=4096, replicas="all"))
    assert machine.limits == {"GPU:0": [4096], "GPU:1": [4096]}
    assert machine.growing == []


def test_the_cpu_it_is_where_the_settings_say_so(monkeypatch, caplog):
    machine = Machine(monkeypatch)
    with caplog.at_level("INFO", "headgate.progress"):
        set_up(AcceleratorSettings(device="cpu"))
    assert machine.visible == machine.growing == []
    assert caplog.messages == ["training on the CPU"]


@pytest.mark.parametrize(
    ("driven", "told"), [([], "no GPU is visible"), (["NVIDIA H200"], "(NVIDIA H200) without CUDA's libraries")]
)
def test_a_gpu_that_tensorflow_does_not_see_is_told_of(monkeypatch, caplog, driven, told):
    Machine(monkeypatch, 0)
    monkeypatch.setattr(gpus, "installed", lambda: driven)
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    with caplog.at_level("INFO", "headgate.progress"):
        set_up(AcceleratorSettings())
    [message] = caplog.messages
    assert message.startswith("training on the CPU: ") and told in message
    with pytest.raises(SettingsError, match="TensorFlow sees no GPU") as caught:
        set_up(AcceleratorSettings(device="gpu"))
    assert ("scripts/setup --gpu" in caught.value.fix) == bool(driven)


def test_asking_for_more_gpus_than_there_are_is_refused(monkeypatch):
    Machine(monkeypatch)
    with pytest.raises(SettingsError, match="not devices enough"):
        set_up(AcceleratorSettings(replicas=3))


def test_one_strategy_serves_all_networks_of_a_process():
    assert accelerator._mirrored(("CPU:0",)) is accelerator._mirrored(("CPU:0",))
