"""`headgate init` on images: in a folder, in arrays, and behind the paths of a manifest."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from PIL import Image

from pipeline.check import check
from pipeline.drafting.draft import draft
from pipeline.settings import PipelineSettings
from pipeline.settings_file import load
from schema.errors import DataError, SettingsError


def save(path: Path, size: tuple[int, int] = (80, 50), mode: str = "RGB", seed: int = 0) -> Path:
    """An image (width, height) of random pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)
    return path


def folder(path: Path, counts: dict[str, int], **image) -> Path:
    for name, count in counts.items():
        for number in range(count):
            save(path / name / f"{number}.png", seed=number, **image)
    return path


def drafted(data: Path, label: str | None = None) -> PipelineSettings:
    """The settings of a draft, which the data fit."""
    output = data.parent / "out.yaml"
    draft(data, label, output)
    loaded = load(str(output))
    check(loaded)
    return loaded.settings


def test_a_folder_of_classes_drafts_a_convolutional_network(tmp_path):
    settings = drafted(folder(tmp_path / "My photos", {"dogs": 3, "cats": 4}))
    assert settings.name == "my_photos"
    assert settings.data.path == str(tmp_path / "My photos")
    assert (settings.label.name, settings.label.task, settings.label.classes) == ("label", "binary", ("cats", "dogs"))
    image = settings.features.images["image"]
    assert image.shape == (50, 64, 3)  # no larger than 64, no smaller side enlarged
    assert settings.model.build == "cnn"
    assert settings.training.augmentation is not None
    assert settings.training.class_weights is None
    assert settings.evaluation.thresholds["auc"].min == 0.6


def test_what_is_good_is_the_negative_class(tmp_path):
    settings = drafted(folder(tmp_path / "parts", {"defect": 2, "good": 2}), "verdict")
    assert (settings.label.name, settings.label.classes) == ("verdict", ("good", "defect"))


def test_small_grey_images_keep_their_size_and_are_not_turned(tmp_path):
    counts = {"0": 60, "1": 5, "2": 1}
    settings = drafted(folder(tmp_path / "digits", counts, size=(9, 7), mode="L"))
    assert settings.features.images["image"].shape == (7, 9, 1)
    assert settings.label.classes == ("0", "1", "2")
    assert settings.training.augmentation is None
    assert settings.training.class_weights == "balanced"
    assert settings.evaluation.thresholds["accuracy"].min == 0.81
    assert len(settings.model.convolutions) == 1


def test_one_colour_image_among_grey_ones_makes_the_network_s_colour(tmp_path):
    path = folder(tmp_path / "mixed", {"a": 3, "b": 3}, mode="L")
    save(path / "b" / "9.jpg")
    assert drafted(path).features.images["image"].channels == 3


def test_a_folder_of_spans_is_read_by_its_pattern(tmp_path):
    for span in (9, 10):
        folder(tmp_path / "line" / f"span-{span}", {"a": 2, "b": span - 8})
    settings = drafted(tmp_path / "line")
    assert settings.data.path == str(tmp_path / "line/span-{SPAN}")
    assert settings.label.classes == ("a", "b")


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


LABELS = np.arange(60, dtype=np.uint8) % 4


def test_idx_files_are_looked_into(tmp_path):
    (tmp_path / "digits").mkdir()
    images = np.zeros((60, 12, 10), np.uint8)
    (tmp_path / "digits/train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "digits/train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    settings = drafted(tmp_path / "digits")
    assert settings.features.images["image"].shape == (12, 10, 1)
    assert settings.label.classes == (0, 1, 2, 3)


@pytest.mark.parametrize("inside", ["", "arrays"])
def test_npz_files_are_looked_into_alone_or_in_a_folder(tmp_path, inside):
    path = tmp_path / inside / "a.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez(path, images=np.zeros((60, 12, 10, 3), np.uint8), labels=LABELS)
    settings = drafted(path.parent if inside else path)
    assert settings.features.images["image"].shape == (12, 10, 3)
    assert settings.label.classes == (0, 1, 2, 3)


def manifest(path: Path, paths: list[str]) -> Path:
    rows = len(paths)
    random = np.random.default_rng(1)
    table = {
        "file": paths,
        "speed": random.normal(3, 1, rows),
        "camera": random.choice(["left", "right"], rows),
        "shot": np.arange(rows),
        "verdict": ["ok" if number % 3 else "scratch" for number in range(rows)],
    }
    pa.csv.write_csv(pa.table(table), path)
    return path


def test_a_manifest_drafts_its_image_beside_its_other_columns(tmp_path):
    paths = [str(save(tmp_path / f"shots/{n}.jpg", seed=n).relative_to(tmp_path)) for n in range(30)]
    settings = drafted(manifest(tmp_path / "shots.csv", paths), "verdict")
    assert set(settings.features.images) == {"file"}
    assert set(settings.features.columns) == {"speed", "camera"}
    assert settings.label.classes == ("ok", "scratch")
    assert settings.evaluation.slices.keys() == {"camera"}
    assert settings.model.build == "cnn"


def test_encoded_images_in_a_parquet_file_are_images_too(tmp_path):
    images = [save(tmp_path / "shots" / f"{number}.png", seed=number).read_bytes() for number in range(30)]
    table = {"shot": images, "other": images, "speed": np.arange(30) / 7, "verdict": ["ok", "scratch"] * 15}
    pa.parquet.write_table(pa.table(table), tmp_path / "shots.parquet")
    settings = drafted(tmp_path / "shots.parquet", "verdict")
    assert settings.features.images["shot"].shape == (50, 64, 3)
    assert set(settings.features.columns) == {"speed"}
    assert "# other: left out, the network `cnn` reads one image" in (tmp_path / "out.yaml").read_text()


def test_a_manifest_whose_images_are_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="No image can be used") as caught:
        draft(manifest(tmp_path / "shots.csv", ["a.png", "b.png"] * 15), "verdict", tmp_path / "out.yaml")
    assert "a.png" in caught.value.received


@pytest.mark.parametrize(
    ("counts", "error", "told"),
    [
        ({"cats": 3}, SettingsError, "fewer than two classes"),
        ({"train": 3, "test": 3}, SettingsError, "look like splits"),
    ],
)
def test_folders_that_are_no_classes_are_told(tmp_path, counts, error, told):
    with pytest.raises(error, match=told):
        draft(folder(tmp_path / "photos", counts), None, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_an_empty_class_is_told(tmp_path):
    path = folder(tmp_path / "photos", {"cats": 2, "dogs": 2})
    (path / "birds").mkdir()
    with pytest.raises(DataError, match="`birds` has no images"):
        draft(path, None, tmp_path / "out.yaml")


def test_a_folder_without_images_is_told(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        draft(tmp_path / "photos", None, tmp_path / "out.yaml")


def test_files_that_are_no_images_are_told(tmp_path):
    path = folder(tmp_path / "photos", {"cats": 1, "dogs": 1})
    for file in path.rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(DataError, match="No image can be used") as caught:
        draft(path, None, tmp_path / "out.yaml")
    assert "neither PNG nor JPEG" in caught.value.received
