"""IDX and npz files through ingestion."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from ingested import quarantine, rows_of, run
from PIL import Image

from components.ingest import arrays as arrays_module
from components.ingest import idx, npz
from components.ingest.peek import peek_columns
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from schema.errors import DataError

DIGITS = LabelSettings(name="digit", task="multiclass", classes=tuple(range(10)))
MNIST = Path(__file__).parents[3] / "shared/data/mnist"


def make(path: Path, label: LabelSettings = DIGITS, **data) -> IngestSettings:
    return IngestSettings(data=DataSettings(path=str(path), **data), columns={}, label=label, images=("image",))


def arrays(count: int = 60, side: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Noise and labels: uint8 [count, side, side] and [count]."""
    random = np.random.default_rng(count)
    return random.integers(0, 256, (count, side, side), np.uint8), (np.arange(count) % 10).astype(np.uint8)


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


def decoded(rows: list[dict]) -> dict[bytes, int]:
    """Label by pixels."""
    return {np.asarray(Image.open(io.BytesIO(row["image"]))).tobytes(): row["digit"] for row in rows}


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_become_png_with_their_labels(tmp_path, packed):
    images, labels = arrays(600)
    summary = run(make(write_idx(tmp_path / "in", images, labels, packed=packed)), tmp_path / "out")
    assert sum(summary.rows.values()) == 600
    rows = rows_of(tmp_path / "out")
    assert decoded(rows) == {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert {(row["image_width"], row["image_channels"], row["image_format"]) for row in rows} == {(8, 1, b"png")}


def test_the_digits_of_mnist(tmp_path):
    if not MNIST.is_dir():
        pytest.skip(f"no MNIST at {MNIST}")
    summary = run(make(MNIST, split={"train": 8, "eval": 1, "test": 1}), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (10_000, 0)
    rows = rows_of(tmp_path / "out", "test")
    assert {row["digit"] for row in rows} == set(range(10))
    assert {row["image_width"] for row in rows} == {28}


@pytest.mark.parametrize(
    ("spoil", "received"),
    [
        (lambda data: data[:-10], "3,830 bytes"),
        (lambda data: data + b"\0", "3,841 bytes"),
        (lambda data: data[:3] + b"\x01" + data[4:], "00 00 08 01"),
        (lambda data: b"", "nothing"),
        (lambda data: data[:4] + struct.pack(">I", 2**32 - 1) + data[8:], "3,840 bytes"),
    ],
)
def test_an_idx_header_that_does_not_match_its_file(tmp_path, spoil, received):
    path = write_idx(tmp_path, *arrays()) / "train-images-idx3-ubyte"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match="IDX file cannot be read") as raised:
        peek_columns(make(tmp_path))
    assert raised.value.where == str(path)
    assert received in raised.value.received


@pytest.mark.parametrize("kept", [100, -5])
def test_a_packed_idx_file_that_ends_early(tmp_path, kept):
    path = write_idx(tmp_path / "in", *arrays(), packed=True) / "train-images-idx3-ubyte.gz"
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:kept]))
    with pytest.raises(DataError, match="IDX file cannot be read") as raised:
        run(make(tmp_path / "in"), tmp_path / "out")
    assert "3,840 bytes behind the header, which says 60 x 8 x 8" in raised.value.expected
    path.write_bytes(gzip.compress(data)[:-30])
    with pytest.raises(DataError, match="IDX file cannot be read"):
        run(make(tmp_path / "in"), tmp_path / "out")


def test_labels_of_another_number_than_images(tmp_path):
    images, labels = arrays()
    with pytest.raises(DataError) as raised:
        peek_columns(make(write_idx(tmp_path, images, labels[:-1])))
    assert "60 labels, one for each image of train-images-idx3-ubyte" in raised.value.expected
    assert raised.value.received == "59"


def test_too_large_images_are_refused_before_they_are_read(tmp_path):
    with pytest.raises(DataError, match="IDX file") as raised:
        peek_columns(make(write_idx(tmp_path, *arrays()), max_pixels=63))
    assert "data.max_pixels" in raised.value.expected


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_npz_arrays_become_png_with_their_labels(tmp_path, names, channels):
    images, labels = arrays(300)
    if channels:
        images = np.repeat(images[..., np.newaxis], channels[0], axis=-1)
    np.savez_compressed(tmp_path / "a.npz", **dict(zip(names, (images, labels), strict=True)))
    run(make(tmp_path / "a.npz"), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert decoded(rows) == {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert {row["image_channels"] for row in rows} == {channels[0] if channels else 1}


def test_keras_s_two_sets_are_read_together(tmp_path):
    (x, y), (more_x, more_y) = arrays(60), arrays(40)
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=more_x, y_test=more_y[:, np.newaxis])
    summary = run(make(tmp_path / "mnist.npz"), tmp_path / "out")
    assert sum(summary.rows.values()) == 100
    assert len(decoded(rows_of(tmp_path / "out"))) == 100


def test_labels_of_npz_may_be_text(tmp_path):
    images, labels = arrays()
    np.savez(tmp_path / "a.npz", x=images, y=np.array(["even", "odd"])[labels % 2])
    run(make(tmp_path / "a.npz", LabelSettings(name="label", classes=("even", "odd"))), tmp_path / "out")
    assert {row["label"] for row in rows_of(tmp_path / "out")} == {b"even", b"odd"}


X, Y = arrays()


@pytest.mark.parametrize(
    ("content", "received"),
    [
        ({"pictures": X, "y": Y}, "arrays pictures, y"),
        ({"x": X / 255, "y": Y}, "float64 [60, 8, 8]"),
        ({"x": X.reshape(60, 64), "y": Y}, "uint8 [60, 64]"),
        ({"x": X[..., np.newaxis].repeat(2, -1), "y": Y}, "uint8 [60, 8, 8, 2]"),
        ({"x": np.asfortranarray(X), "y": Y}, "uint8 [60, 8, 8] in Fortran order"),
        ({"x": X, "y": Y[:-1]}, "uint8 [59]"),
        ({"x": X, "y": np.eye(10)[Y]}, "float64 [60, 10]"),
        ({"x": X, "y": np.array([None] * 60)}, "object [60]"),
        ({"x": X[:0], "y": Y[:0]}, "uint8 [0, 8, 8]"),
    ],
)
def test_an_npz_file_without_images_and_labels(tmp_path, content, received):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(DataError, match="npz file cannot be read") as raised:
        peek_columns(make(tmp_path / "a.npz"))
    assert received in raised.value.received
    assert raised.value.where == str(tmp_path / "a.npz")


def test_an_npz_file_that_is_cut_short(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-100])
    with pytest.raises(DataError, match="npz file cannot be read"):
        peek_columns(make(tmp_path / "a.npz"))


def test_images_that_are_too_small_are_quarantined_by_number(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:2, :1, :1], y_test=Y[:2])
    summary = run(make(tmp_path / "a.npz"), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 2)
    assert [(reject["line"], reject["text"]) for reject in quarantine(tmp_path / "out")] == [
        (61, "x_test[0], label 0"),
        (62, "x_test[1], label 1"),
    ]


@pytest.mark.parametrize("module", [idx, npz])
def test_arrays_are_read_in_slices_of_bounded_size(tmp_path, monkeypatch, module):
    monkeypatch.setattr(arrays_module, "SLICE_BYTES", 200)
    write_idx(tmp_path, X, Y)
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    (stack,) = module.stacks(tmp_path / ("a.npz" if module is npz else "train-images-idx3-ubyte"), 1000)
    slices = list(stack.slices())
    assert max(map(len, slices)) == 3
    assert np.array_equal(np.concatenate(slices), X)
