"""A training that was killed goes on where it stood, and ends as if nothing had happened."""

from __future__ import annotations

import signal

import keras
import killed_fit
import numpy as np
import pytest
from fresh_process import fresh
from killed_fit import SETTINGS
from small_fit import DEEP, PHOTO, fit, pictures

from components.training.checkpoint import Saved


class Stop(keras.callbacks.Callback):
    """Breaks off in an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.params["epochs"] and self._begun == self._epoch:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = epoch


class Epochs(keras.callbacks.Callback):
    """Counts the epochs that are trained."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(epoch)


def same(first, second) -> None:
    """Histories and weights are equal to the last bit."""
    assert first.history == second.history
    for one, other in zip(first.network.get_weights(), second.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def broken_off(file, epoch: int, **settings) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=file, callbacks=[Stop(epoch)], **settings)


@pytest.fixture(scope="module")
def undisturbed():
    """Both phases, each ended by early stopping or by its epochs."""
    return fit(**SETTINGS)


def test_a_process_that_is_killed_goes_on_at_its_epoch(undisturbed, tmp_path):
    file = tmp_path / "checkpoints" / "fit.npz"
    ended = fresh(killed_fit, str(file), "2")
    assert ended.returncode == -signal.SIGKILL
    epochs = Epochs()
    same(fit(checkpoint=file, callbacks=[epochs], **SETTINGS), undisturbed)
    assert epochs.seen == list(range(2, undisturbed.epochs))


@pytest.mark.parametrize("epoch", [1, 4])
def test_early_stopping_and_both_phases_outlive_it(undisturbed, tmp_path, epoch):
    assert undisturbed.epochs > epoch
    broken_off(tmp_path / "fit.npz", epoch, **SETTINGS)
    same(fit(checkpoint=tmp_path / "fit.npz", **SETTINGS), undisturbed)


def test_what_had_ended_is_not_trained_again(undisturbed, tmp_path):
    fit(checkpoint=tmp_path / "fit.npz", **SETTINGS)
    epochs = Epochs()
    same(fit(checkpoint=tmp_path / "fit.npz", callbacks=[epochs], **SETTINGS), undisturbed)
    assert epochs.seen == []


def test_a_stop_by_early_stopping_holds(tmp_path):
    """Killed after the decision to stop: the next process does not go on to the budget's end."""
    settings = {"model": DEEP, "epochs": 30, "learning_rate": 0.5, "early_stopping": {"patience": 0}}
    stopped = fit(checkpoint=tmp_path / "fit.npz", **settings)
    assert stopped.epochs < 30
    assert Saved.read(tmp_path / "fit.npz").ended
    same(fit(checkpoint=tmp_path / "fit.npz", **settings), stopped)


def test_random_changes_go_on_as_they_would_have(tmp_path):
    settings = {"augmentation": {"flip": "vertical", "zoom": 0.1}, "steps_per_epoch": 2, "epochs": 4}
    broken_off(tmp_path / "fit.npz", 2, inputs=PHOTO, data=pictures(), **settings)
    again = fit(PHOTO, pictures(), checkpoint=tmp_path / "fit.npz", **settings)
    same(again, fit(PHOTO, pictures(), **settings))


def test_a_file_is_whole_at_any_moment(tmp_path):
    file = tmp_path / "fit.npz"
    saved = Saved(0, 0, False, {"loss": [float("nan")]}, {"wait": 1, "best": None}, [np.arange(3.0)], [])
    saved.write(file)
    (tmp_path / "fit.partial").write_bytes(b"half")  # of a process that was killed while it wrote
    assert Saved.read(file).stopping == {"wait": 1, "best": None}
    saved.write(file)
    np.testing.assert_array_equal(Saved.read(file).variables[0], [0, 1, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["fit.npz"]
