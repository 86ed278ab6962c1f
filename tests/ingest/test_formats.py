"""Which format a file or folder has, and which of its files are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.ingest import spans
from components.ingest.settings import DataSettings
from schema.errors import SettingsError

MNIST = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def resolve(path: Path, **data) -> spans.Input:
    return spans.resolve(DataSettings(path=str(path), **data))


def names(found: spans.Input) -> list[str]:
    return [path.name for path in found.files]


def test_a_folder_with_images_in_sub_folders_is_images(tmp_path):
    touch(tmp_path, "cats/1.JPG", "cats/deep/2.jpg", "dogs/3.png", "dogs/notes.txt", "README", "4.png", ".git/a.png")
    found = resolve(tmp_path)
    assert (found.format, found.folders) == ("images", (tmp_path,))
    assert names(found) == ["4.png", "1.JPG", "2.jpg", "3.png", "notes.txt"]


@pytest.mark.parametrize("path", ["", "*ubyte*", "*images*", "train-images-idx3-ubyte.gz"])
def test_idx_is_told_by_its_names_and_read_by_its_images(tmp_path, path):
    touch(tmp_path, *MNIST)
    found = resolve(tmp_path / path)
    assert found.format == "idx"
    assert set(names(found)) <= {MNIST[0], MNIST[2]}
    before = found.fingerprint
    (tmp_path / MNIST[1]).write_text("other labels")
    assert resolve(tmp_path / path).fingerprint != before


def test_of_a_file_that_is_there_plain_and_packed_the_plain_one_is_read(tmp_path):
    touch(tmp_path, "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte")
    assert names(resolve(tmp_path)) == ["train-images-idx3-ubyte"]


def test_npz_is_told_by_its_ending(tmp_path):
    touch(tmp_path, "b.npz", "a.npz", "notes.txt")
    assert (resolve(tmp_path).format, names(resolve(tmp_path))) == ("npz", ["a.npz", "b.npz"])
    assert resolve(tmp_path / "a.npz").format == "npz"


def test_spans_may_be_folders(tmp_path):
    touch(tmp_path, "span-1/cats/1.png", "span-02/cats/1.png", "span-02/dogs/2.png", "span-2.txt")
    found = resolve(tmp_path / "span-{SPAN}")
    assert (found.span, found.format, names(found)) == (2, "images", ["1.png", "2.png"])
    assert resolve(tmp_path / "span-{SPAN}", span=1).folders == (tmp_path / "span-1",)
    touch(tmp_path, "day-1/v1/cats/1.png", "day-1/v2/cats/1.png")
    assert resolve(tmp_path / "day-{SPAN}/v{VERSION}").version == 2


def test_files_come_before_folders(tmp_path):
    """A glob for tables does not mind a folder beside them."""
    touch(tmp_path, "span-1/a.csv", "span-1/archive/cats/1.png")
    assert names(resolve(tmp_path / "span-{SPAN}/*")) == ["a.csv"]


def test_the_fingerprint_sees_every_file_of_a_folder(tmp_path):
    touch(tmp_path, "in/cats/1.png", "in/dogs/2.png")
    seen = [resolve(tmp_path / "in").fingerprint]
    touch(tmp_path, "in/dogs/3.png")
    seen.append(resolve(tmp_path / "in").fingerprint)
    (tmp_path / "in/dogs/3.png").rename(tmp_path / "in/cats/3.png")
    seen.append(resolve(tmp_path / "in").fingerprint)
    (tmp_path / "in/cats/1.png").write_text("changed")
    seen.append(resolve(tmp_path / "in").fingerprint)
    assert len(set(seen)) == 4
    (tmp_path / "in").rename(tmp_path / "moved")
    assert resolve(tmp_path / "moved").fingerprint == seen[-1]


@pytest.mark.parametrize(
    ("path", "data", "what", "told"),
    [
        ("tables", {}, "a folder, not a file", "the folder"),
        ("tables", {"format": "csv"}, "a folder, not a file", "the folder"),
        ("tables", {"format": "idx"}, "nothing to read", "none of these"),
        ("cats/1.png", {}, "cannot be told", "1.png"),
        ("cats/1.png", {"format": "images"}, "reads folders", "the file"),
        ("no-labels", {}, "no labels beside", "only train-images-idx3-ubyte"),
        ("no-labels/train-images-idx3-ubyte", {}, "no labels beside", "only train-images-idx3-ubyte"),
    ],
)
def test_what_is_wrong_with_a_folder(tmp_path, path, data, what, told):
    touch(tmp_path, "tables/a.csv", "cats/1.png", "no-labels/train-images-idx3-ubyte")
    with pytest.raises(SettingsError, match=what) as raised:
        resolve(tmp_path / path, **data)
    assert told in raised.value.received
    assert raised.value.fix


def test_paths_of_manifests_have_a_root_and_folders_have_none():
    with pytest.raises(ValueError, match="manifest"):
        DataSettings(path="photos", format="images", root="elsewhere")
