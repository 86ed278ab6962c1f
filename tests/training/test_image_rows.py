"""Rows with images on their way to the network: packed without loss, the same from every cache, in bounded blocks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import small_images
import tensorflow as tf
import tensorflow_transform as tft
from small_training import Trained, serialize

from components.training import dataset, splits
from components.training.dataset import Rows, measured, unpacked
from components.training.raw_rows import EXAMPLES, RawRows
from components.training.settings import TrainingSettings
from components.training.splits import prepare
from components.transform import images
from schema.errors import DataError

FEATURES = small_images.WITH_COLUMNS


@pytest.fixture(scope="module")
def rows(trained_on_images: Trained) -> Rows:
    output = tft.TFTransformOutput(trained_on_images.transform_graph.uri)
    return Rows(RawRows(output, FEATURES.raw).transform, small_images.LABEL, FEATURES.decoded_images)


@pytest.fixture(scope="module")
def files(trained_on_images: Trained) -> tuple[list[str], list[str]]:
    folder = Path(trained_on_images.examples.uri)
    return [str(folder / "Split-train" / "*")], [str(folder / "Split-eval" / "*")]


def test_every_pixel_survives_packing() -> None:
    pixels = images.scaled(np.arange(256).reshape(1, 16, 16, 1)).numpy()
    transform = tf.function(lambda examples: {"photo": tf.constant(pixels)}, input_signature=[EXAMPLES])
    block = Rows(transform, small_images.LABEL, ["photo"])._parse(tf.constant([serialize({"stripes": "down"})]))
    assert block[0]["photo"].dtype == tf.uint8
    [(found, _)] = unpacked(tf.data.Dataset.from_tensors(block), ["photo"])
    np.testing.assert_array_equal(found["photo"], pixels)


def test_blocks_are_what_the_transform_graph_gives(rows: Rows, files: tuple, trained_on_images: Trained) -> None:
    blocks = list(unpacked(rows.blocks(measured(files[0])), rows.packed))
    photos = np.concatenate([features["photo"] for features, _ in blocks])
    served = tf.saved_model.load(str(trained_on_images.model)).signatures["transform_features"]
    expected = served(examples=tf.constant([serialize(row) for row in trained_on_images.rows[:200]]))["photo"]
    np.testing.assert_array_equal(photos, expected)
    assert np.concatenate([label for _, label in blocks]).sum() == sum(
        row["stripes"] == "down" for row in trained_on_images.rows[:200]
    )


def test_images_travel_as_bytes_and_columns_as_they_are(rows: Rows, files: tuple) -> None:
    features, label = rows.blocks(measured(files[0])).element_spec
    assert {name: spec.dtype for name, spec in features.items()} == {
        "photo": tf.uint8, "gain": tf.float32, "hour": tf.int64,
    }  # fmt: skip
    assert rows.row_bytes == 16 * 16 * 3 + 4 + 8
    assert label.dtype == tf.int64


def batches(rows: Rows, files: tuple, **training) -> list[tuple[np.ndarray, ...]]:
    """Three passes over the train split and one over the eval split."""
    settings = TrainingSettings(**{"batch_size": 32, "shuffle_buffer": 64, **training})
    with prepare(rows, *files, small_images.LABEL, settings) as found:
        assert sum(found.counts) == 200
        stream = [*found.train_batches(settings).take(3 * 7), *found.eval_batches(settings)]
        return [(*(features[name].numpy() for name in sorted(features)), label.numpy()) for features, label in stream]


def test_the_batches_are_the_same_whatever_the_cache(rows: Rows, files: tuple) -> None:
    found = {cache: batches(rows, files, cache=cache) for cache in ("auto", "memory", "disk", "none")}
    assert [len(label) for *_, label in found["none"][:7]] == [32] * 6 + [8]
    for cache in ("auto", "memory", "disk"):
        for one, other in zip(found[cache], found["none"], strict=True):
            for left, right in zip(one, other, strict=True):
                np.testing.assert_array_equal(left, right)


def test_a_large_split_is_cached_on_disk_and_leaves_nothing(
    rows: Rows, files: tuple, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(splits, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = TrainingSettings(validation_steps=1, batch_size=8)
    with prepare(rows, *files, small_images.LABEL, settings) as found:
        [folder] = tmp_path.iterdir()
        assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"train", "eval"}
        for _ in range(2):  # an epoch that leaves most of the eval split unread
            assert len(list(found.eval_batches(settings).take(1))) == 1
    assert not list(tmp_path.iterdir())


def test_a_row_is_a_few_bytes_and_a_block_is_bounded(rows: Rows, files: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 10 * (16 * 16 * 3 * 4 + 4 + 8))
    sizes = [len(label) for _, label in rows.blocks(measured(files[0]))]
    assert sizes == [10] * 20


def test_what_is_shuffled_together_is_bounded_in_bytes(
    rows: Rows, files: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = batches(rows, files, shuffle_buffer=10_000)
    monkeypatch.setattr(splits, "POOL_BYTES", 64 * rows.row_bytes)
    bounded = batches(rows, files, shuffle_buffer=10_000)
    assert any(not np.array_equal(one[-1], other[-1]) for one, other in zip(whole, bounded, strict=True))
    for one, other in zip(bounded, batches(rows, files, shuffle_buffer=64), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_labels_are_counted_without_looking_at_images(rows: Rows, files: tuple, trained_on_images: Trained) -> None:
    [(features, labels)] = rows.labels(measured(files[0]))
    assert features == {}
    assert labels[:, 0].numpy().tolist() == [
        ("across", "down").index(row["stripes"]) for row in trained_on_images.rows[:200]
    ]


def test_files_are_measured_by_their_headers(files: tuple, trained_on_images: Trained, tmp_path: Path) -> None:
    found = measured(files[0])
    records = [serialize(row) for row in trained_on_images.rows[:200]]
    assert (found.rows, found.row_bytes) == (200, sum(map(len, records)) // 200)
    [path] = found.paths
    short = tmp_path / "short"
    short.write_bytes(Path(path).read_bytes()[:-3])
    with pytest.raises(DataError, match="cut short"):
        measured([str(short)])
