"""Images from a generator of the user's own: written once, in bounded memory, and refused where they do not fit."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from data.generator import write
from schema.errors import DataError, HeadgateError

GREY = np.zeros((4, 5), np.uint8)


def written(folder, *pairs, **options):
    write(lambda: pairs, "mine:images", folder / "out", **options)
    parts = [np.load(path) for path in sorted((folder / "out").glob("part-*.npz"))]
    return [(part["images"], part["labels"]) for part in parts]


def test_pairs_become_arrays(tmp_path):
    ((images, labels),) = written(tmp_path, (GREY, 0), (GREY + 1, np.int32(1)))
    assert (images.shape, images.dtype, images.max()) == ((2, 4, 5), np.uint8, 1)
    assert (labels.tolist(), labels.dtype) == ([0, 1], np.int64)


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_and_names_will_do(tmp_path, channels):
    image = np.zeros((4, 5, channels), np.uint8)
    ((images, labels),) = written(tmp_path, (image, "cat"), [image, "dog"])
    assert images.shape == (2, 4, 5, channels)
    assert labels.tolist() == ["cat", "dog"]


def test_memory_is_bounded_by_a_part(tmp_path, monkeypatch):
    monkeypatch.setattr("data.generator.PART_BYTES", 2 * GREY.nbytes + 1)
    parts = written(tmp_path, *((GREY, number) for number in range(5)))
    assert [labels.tolist() for _, labels in parts] == [[0, 1], [2, 3], [4]]


def test_an_endless_generator_may_be_asked_for_a_few(tmp_path):
    write(lambda: ((GREY, number) for number in count()), "mine:images", tmp_path / "out", most=3)
    assert np.load(tmp_path / "out/part-00000.npz")["labels"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("pairs", "told", "received"),
    [
        ((), "yields nothing", None),
        ((GREY,), "something else than a pair", "an array uint8 [4, 5]"),
        (((GREY / 2, 1),), "an image that cannot be used", "an array float64 [4, 5]"),
        (((np.zeros((4, 5, 2), np.uint8), 1),), "an image that cannot be used", "an array uint8 [4, 5, 2]"),
        (((GREY[0], 1),), "an image that cannot be used", "an array uint8 [5]"),
        (((GREY, 0.5),), "a label that cannot be used", "float 0.5"),
        (((GREY, None),), "a label that cannot be used", "NoneType None"),
        (((GREY, 1), (GREY.T, 1)), "differ in kind", "an array uint8 [5, 4] and int 1"),
        (((GREY, 1), (GREY, "cat")), "differ in kind", "an array uint8 [4, 5] and str cat"),
    ],
)
def test_what_does_not_fit_is_told_by_its_number(tmp_path, pairs, told, received):
    with pytest.raises(DataError, match=told) as caught:
        written(tmp_path, *pairs)
    assert caught.value.received == received
    if pairs:
        assert caught.value.where == f"data.source: mine:images, pair {len(pairs) - 1}"


def test_a_generator_that_fails_names_its_line(tmp_path):
    def broken():
        yield GREY, 1
        raise KeyError("camera")

    with pytest.raises(HeadgateError, match="The generator failed") as caught:
        write(broken, "mine:images", tmp_path / "out")
    assert "KeyError: 'camera'" in caught.value.received
    assert "test_generator.py, line" in caught.value.received
