"""A folder with a sub-folder for each class, through ingestion."""

from __future__ import annotations

import os
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ingested import quarantine, rows_of, run
from pictures import CLASSES, encoded, pixels, surfaces, write

from components.ingest import listing
from components.ingest.peek import peek_columns
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from schema.errors import DataError, SettingsError

LABEL = LabelSettings(name="label", classes=CLASSES)
MEASURED = ("width", "height", "channels", "format", "brightness", "sharpness")


def make(folder: Path, label: LabelSettings = LABEL, images: tuple[str, ...] = ("image",), **data) -> IngestSettings:
    return IngestSettings(data=DataSettings(path=str(folder), **data), columns={}, label=label, images=images)


def test_each_image_becomes_an_example_with_its_class_and_its_measures(tmp_path):
    surfaces(tmp_path / "photos", 60)
    summary = run(make(tmp_path / "photos"), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 0)
    rows = {row["image"]: row for row in rows_of(tmp_path / "out")}
    files = list((tmp_path / "photos").glob("*/*.png"))
    assert {file.read_bytes(): file.parent.name.encode() for file in files} == {
        image: row["label"] for image, row in rows.items()
    }
    row = rows[files[0].read_bytes()]
    assert set(row) == {"image", "label", *(f"image_{measure}" for measure in MEASURED)}
    assert (row["image_width"], row["image_height"], row["image_channels"]) == (24, 24, 3)
    assert row["image_format"] == b"png"
    assert 0.3 < row["image_brightness"] < 0.7
    assert row["image_sharpness"] > 0


def test_classes_that_are_numbers_are_numbers(tmp_path):
    for digit in range(3):
        for seed in range(20):
            write(tmp_path / "digits" / str(digit) / f"{seed}.png", pixels(100 * digit + seed))
    label = LabelSettings(name="digit", task="multiclass", classes=(0, 1, 2))
    run(make(tmp_path / "digits", label), tmp_path / "out")
    assert {row["digit"] for row in rows_of(tmp_path / "out")} == {0, 1, 2}


def test_splits_and_order_follow_from_the_images_not_from_where_they_lie(tmp_path, monkeypatch):
    """The same images in another folder, in listings of another size: the same rows in the same splits."""
    surfaces(tmp_path / "one", 60)
    shutil.copytree(tmp_path / "one", tmp_path / "elsewhere/two")
    run(make(tmp_path / "one"), tmp_path / "out1")
    monkeypatch.setattr(listing, "ROWS", 7)
    run(make(tmp_path / "elsewhere/two"), tmp_path / "out2")
    assert len(list((tmp_path / "out2/Split-train").iterdir())) == 9
    for split in ("train", "eval", "test"):
        assert rows_of(tmp_path / "out1", split) == rows_of(tmp_path / "out2", split)


def test_the_classes_are_mixed_in_every_shard(tmp_path):
    surfaces(tmp_path / "photos", 60)
    run(make(tmp_path / "photos"), tmp_path / "out")
    labels = [row["label"] for row in rows_of(tmp_path / "out", "train")]
    assert sum(a != b for a, b in pairwise(labels)) > 10


def test_duplicates_land_in_one_split(tmp_path):
    surfaces(tmp_path / "photos", 60)
    for path in list((tmp_path / "photos/good").iterdir()):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    run(make(tmp_path / "photos"), tmp_path / "out")
    splits = [{row["image"] for row in rows_of(tmp_path / "out", split)} for split in ("train", "eval", "test")]
    assert sum(map(len, splits)) == 60
    assert len(set.union(*splits)) == 60


def test_folders_below_a_class_belong_to_it_and_hidden_files_and_notes_to_nothing(tmp_path):
    surfaces(tmp_path / "photos", 60)
    shutil.move(tmp_path / "photos/good", tmp_path / "moved")
    shutil.move(tmp_path / "moved", tmp_path / "photos/good/2026")
    write(tmp_path / "photos/good/.thumbnails/a.png", b"no image")
    write(tmp_path / "photos/.DS_Store", b"no image")
    write(tmp_path / "photos/LICENSE.txt", b"no image")
    write(tmp_path / "photos/.ipynb_checkpoints/a.png", b"no image")
    summary = run(make(tmp_path / "photos"), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 0)


def test_unfit_files_go_to_quarantine_under_their_own_names(tmp_path):
    photos = surfaces(tmp_path / "photos", 60)
    whole = encoded(pixels(1), "JPEG")
    write(photos / "good/cut.jpg", whole[:-50])
    write(photos / "good/lie.png", whole)
    write(photos / "good/Thumbs.db", b"\xd0\xcf\x11\xe0")
    write(photos / "scratched/dot.png", encoded(np.zeros((1, 1), np.uint8)))
    write(photos / "stray.png", encoded(pixels(2)))
    (photos / "good/nowhere.png").symlink_to("/no/such/file")
    os.mkfifo(photos / "good/pipe.png")
    summary = run(make(photos), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 7)
    found = {reject["file"]: reject for reject in quarantine(tmp_path / "out")}
    assert {file: reject["reason"] for file, reject in found.items()} == {
        str(photos / "good/cut.jpg"): "`image`: is cut short: its end is not marked",
        str(photos / "good/lie.png"): "`image`: is named .png, but holds JPEG",
        str(photos / "good/Thumbs.db"): "`image`: is neither PNG nor JPEG: it starts with b'\\xd0\\xcf\\x11\\xe0'",
        str(photos / "scratched/dot.png"): "`image`: has 1 x 1 pixels, less than data.min_side (4)",
        str(photos / "stray.png"): "no label",
        str(photos / "good/nowhere.png"): "`image`: cannot be read: No such file or directory",
        str(photos / "good/pipe.png"): "`image`: is no file",
    }
    assert {(reject["line"], reject["text"]) for reject in found.values()} == {(None, "")}


def test_a_file_without_permission_goes_to_quarantine(tmp_path, monkeypatch):
    photos = surfaces(tmp_path / "photos", 60)
    real = Path.read_bytes

    def read(path: Path) -> bytes:  # root, who runs the tests in containers, may read any file
        if path.name == "0.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    run(make(photos), tmp_path / "out")
    (reject,) = quarantine(tmp_path / "out")
    assert reject["file"] == str(photos / "good/0.png")
    assert reject["reason"] == "`image`: cannot be read: Permission denied"


def test_the_limits_are_settings(tmp_path):
    surfaces(tmp_path / "photos", 60)
    with pytest.raises(DataError, match="no row that can be used") as raised:
        run(make(tmp_path / "photos", max_pixels=24 * 24 - 1), tmp_path / "out")
    assert "has 24 x 24 pixels, more than data.max_pixels (575)" in raised.value.received
    assert raised.value.where.endswith(".png")


@pytest.mark.parametrize("read", [peek_columns, lambda settings: run(settings, Path(settings.data.path, "../out"))])
def test_a_class_without_images_is_an_error_that_names_it(tmp_path, read):
    surfaces(tmp_path / "photos", 60)
    shutil.rmtree(tmp_path / "photos/scratched")
    (tmp_path / "photos/scratched").mkdir()
    with pytest.raises(DataError, match="class `scratched` has no images") as raised:
        read(make(tmp_path / "photos"))
    assert raised.value.where == str(tmp_path / "photos/scratched")
    assert "good, scratched" in raised.value.expected


def test_one_class_only_is_an_error(tmp_path):
    for seed in range(20):
        write(tmp_path / f"photos/good/{seed}.png", pixels(seed))
    with pytest.raises(DataError, match="class `scratched` has no images"):
        peek_columns(make(tmp_path / "photos"))


@pytest.mark.parametrize(("files", "told"), [(0, "which is empty"), (2, "with 2 files")])
def test_a_sub_folder_that_is_no_class_is_an_error_that_names_it(tmp_path, files, told):
    surfaces(tmp_path / "photos", 60)
    (tmp_path / "photos/chipped").mkdir()
    for seed in range(files):
        write(tmp_path / f"photos/chipped/{seed}.png", pixels(seed))
    with pytest.raises(DataError, match="sub-folder `chipped` is no class") as raised:
        peek_columns(make(tmp_path / "photos"))
    assert told in raised.value.received
    assert "label.classes" in raised.value.fix


def test_a_number_is_no_label_of_folders(tmp_path):
    surfaces(tmp_path / "photos", 4)
    with pytest.raises(SettingsError, match="classes, and the label is a number"):
        peek_columns(make(tmp_path / "photos", LabelSettings(name="label", task="regression")))


@pytest.mark.parametrize("images", [(), ("front", "back")])
def test_a_folder_has_one_image_in_each_row(tmp_path, images):
    surfaces(tmp_path / "photos", 4)
    with pytest.raises(SettingsError, match="one image in each row"):
        peek_columns(make(tmp_path / "photos", images=images))


def test_columns_are_named_as_the_settings_name_them(tmp_path):
    surfaces(tmp_path / "photos", 4)
    label = LabelSettings(name="state", classes=CLASSES)
    columns = peek_columns(make(tmp_path / "photos", label, ("plate",)))
    assert columns == ("plate", "state", *(f"plate_{measure}" for measure in MEASURED))


def test_a_name_that_is_no_text_is_told(tmp_path):
    surfaces(tmp_path / "photos", 4)
    write(tmp_path / "photos/good" / os.fsdecode(b"\xff.png"), pixels(1))
    with pytest.raises(DataError, match="not UTF-8"):
        peek_columns(make(tmp_path / "photos"))
