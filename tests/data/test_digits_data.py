"""Digits: scikit-learn's, and MNIST from Keras's download or local files."""

from __future__ import annotations

import gzip
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from data import mnist
from data.sources import SOURCES, materialise
from data.spans import make
from schema.errors import DataError

IMAGES = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def download(folder) -> None:
    """What Keras would have downloaded, in its form."""
    (folder / "datasets").mkdir(parents=True)
    arrays = {"x_train": IMAGES[:4], "y_train": LABELS[:4], "x_test": IMAGES[4:], "y_test": LABELS[4:]}
    np.savez(folder / "datasets" / "mnist.npz", **arrays)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_scikit_learn_s_digits_are_spread_over_a_byte(tmp_path):
    arrays = np.load(materialise("digits", tmp_path).path)
    assert arrays["images"].shape == (1797, 8, 8)
    assert (arrays["images"].min(), arrays["images"].max(), arrays["images"].dtype) == (0, 255, np.uint8)
    assert np.array_equal(np.rint(arrays["images"] / 255 * 16), load_digits().images)
    assert np.array_equal(arrays["labels"], load_digits().target)


def test_keras_s_download_is_used_where_it_is(tmp_path, keras_home):
    download(keras_home)
    found = materialise("mnist", tmp_path)
    assert found == (str(keras_home / "datasets/mnist.npz"), "")


def test_without_mnist_the_digits_stand_in_and_it_is_said(tmp_path):
    found = materialise("mnist", tmp_path)
    assert len(np.load(found.path)["images"]) == 1797
    assert "MNIST is not at hand" in found.note
    assert "headgate data make mnist" in found.note


def spans_of(path, tmp_path, count=1):
    source = SOURCES["mnist"]
    settings = [source.settings.model_validate({"from": path})] * count
    return make(source, settings, tmp_path / "out")


def test_local_idx_files_are_shuffled_and_dealt(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES[:4]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:4]))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES[4:])))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[4:])))
    made = spans_of(tmp_path, tmp_path, count=2)
    parts = [np.load(made.pattern.format(SPAN=span)) for span in (1, 2)]
    assert [len(part["labels"]) for part in parts] == [3, 3]
    dealt = {image.tobytes(): label for part in parts for image, label in zip(*part.values(), strict=True)}
    assert dealt == {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}


def test_a_local_npz_file_will_do(tmp_path, keras_home):
    download(keras_home)
    made = spans_of(keras_home / "datasets" / "mnist.npz", tmp_path)
    assert len(np.load(made.pattern.format(SPAN=1))["images"]) == 6


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"t10k-images-idx3-ubyte": idx(IMAGES)},
        {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(LABELS[1:])},
        {"t10k-images-idx3-ubyte": idx(IMAGES)[:-1], "t10k-labels-idx1-ubyte": idx(LABELS)},
        {"t10k-images-idx3-ubyte": b"", "t10k-labels-idx1-ubyte": idx(LABELS)},
        {"t10k-images-idx3-ubyte.gz": b"no gzip", "t10k-labels-idx1-ubyte.gz": b""},
    ],
    ids=["nothing", "no labels", "fewer labels", "cut short", "empty", "no gzip"],
)
def test_files_that_are_no_digits_are_told(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as caught:
        spans_of(tmp_path, tmp_path)
    assert caught.value.received
    assert not (tmp_path / "out").exists()


def test_an_npz_file_of_something_else_is_told(tmp_path):
    np.savez(tmp_path / "other.npz", a=IMAGES)
    with pytest.raises(DataError, match="cannot be read"):
        spans_of(tmp_path / "other.npz", tmp_path)


def test_a_download_that_fails_names_the_way_round_it(tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://storage.googleapis.com/")

    keras = SimpleNamespace(datasets=SimpleNamespace(mnist=SimpleNamespace(load_data=fail)))
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        make(SOURCES["mnist"], [mnist.MnistSettings()], tmp_path / "out")
    assert "headgate data make mnist --from" in caught.value.fix
    assert "URL fetch failure" in caught.value.received


def test_a_download_by_keras_is_then_there(tmp_path, keras_home, monkeypatch):
    keras = SimpleNamespace(datasets=SimpleNamespace(mnist=SimpleNamespace(load_data=lambda: download(keras_home))))
    monkeypatch.setitem(sys.modules, "keras", keras)
    make(SOURCES["mnist"], [mnist.MnistSettings(rows=5)], tmp_path / "out")
    assert len(np.load(tmp_path / "out/span-1/mnist.npz")["images"]) == 5
    assert materialise("mnist", tmp_path).note == ""
