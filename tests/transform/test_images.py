"""Files and decoded pixels become the same numbers, at the network's size; anything else is refused by name."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictures import encoded
from PIL import Image
from small_images import decode, striped

from components.transform.images import from_files, from_pixels, scaled, whole
from components.transform.settings import ImageSettings

COLOUR = ImageSettings(height=12, width=16, channels=3)
GREY = ImageSettings(height=12, width=16, channels=1)

STEP = np.float32(1 / 255)

pictures = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda size: arrays(np.uint8, (*size, 3)))


def files(*encoded: bytes, settings: ImageSettings = COLOUR) -> np.ndarray:
    return from_files(tf.constant(encoded), "photo", settings).numpy()


def pixels(*images: np.ndarray, settings: ImageSettings = COLOUR) -> np.ndarray:
    return from_pixels(tf.constant(np.stack(images)), "photo", settings).numpy()


def test_an_image_of_the_networks_size_is_scaled_and_nothing_else() -> None:
    image = striped("across", (12, 16))
    np.testing.assert_array_equal(files(encoded(image))[0], image * STEP)


@settings(max_examples=30, deadline=None)
@given(image=pictures, format_=st.sampled_from(["PNG", "JPEG"]))
def test_a_file_and_its_pixels_give_the_same_numbers(image: np.ndarray, format_: str) -> None:
    file = encoded(image, format_)
    np.testing.assert_array_equal(files(file), pixels(decode(file)))


@settings(max_examples=30, deadline=None)
@given(image=pictures)
def test_every_number_is_a_whole_one_scaled(image: np.ndarray) -> None:
    found = pixels(image)
    assert found.shape == (1, 12, 16, 3)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(scaled(whole(found)), found)


def test_scaling_is_the_same_in_a_graph_and_loses_nothing() -> None:
    every = np.arange(256, dtype=np.uint8)
    graph = tf.function(lambda pixels: scaled(pixels), autograph=False)
    np.testing.assert_array_equal(scaled(every), graph(tf.constant(every)))
    np.testing.assert_array_equal(whole(scaled(every)), every)
    np.testing.assert_allclose(scaled(every), every / 255, rtol=1e-7)
    assert scaled(every)[0] == 0 and scaled(every)[255] == 1


def test_images_of_different_sizes_and_formats_make_one_batch() -> None:
    found = files(
        encoded(striped("down", (30, 20))),
        encoded(striped("down", (12, 16)), "JPEG"),
        encoded(np.zeros((1, 1), np.uint8)),
    )
    assert found.shape == (3, 12, 16, 3)


def test_grey_and_colour_are_converted() -> None:
    image = striped("down", (12, 16))
    grey = files(encoded(image), settings=GREY)[0, ..., 0]
    np.testing.assert_allclose(grey, decode(encoded(image), "L") / 255, atol=1.5 / 255)
    from_grey = files(encoded(image[..., 0]))[0]
    np.testing.assert_array_equal(from_grey, np.repeat(image[..., :1], 3, axis=2) * STEP)


def test_half_of_the_size_is_the_mean_of_the_neighbours() -> None:
    checks = np.indices((24, 32)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * 200
    np.testing.assert_allclose(files(encoded(checks.astype(np.uint8)))[0, 2:-2, 2:-2], 100 / 255, atol=1 / 255)


def test_transparency_is_left_out_and_of_sixteen_bits_the_upper_eight_are_taken() -> None:
    image = striped("down", (12, 16))
    transparent = np.dstack([image, np.full((12, 16), 7, np.uint8)])
    np.testing.assert_array_equal(files(encoded(transparent))[0], image * STEP)
    deep = io.BytesIO()
    Image.fromarray(image[..., 0].astype(np.uint16) * 256 + 77).save(deep, "PNG")
    found = files(deep.getvalue(), settings=GREY)[0]
    np.testing.assert_array_equal(found, image[..., :1] * STEP)


def bitmap() -> bytes:
    file = io.BytesIO()
    Image.fromarray(striped("down")).save(file, "BMP")
    return file.getvalue()


@pytest.mark.parametrize("file", [b"", b"P", b"no image", bitmap()])
def test_what_is_no_png_or_jpeg_is_refused_by_name(file: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="image `photo`: the bytes of a PNG or JPEG file"):
        files(encoded(striped("down")), file)


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_a_truncated_file_is_refused(format_: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{format_}"):
        files(encoded(striped("down"), format_)[:200])


@pytest.mark.parametrize("shape", [(1, 12, 16, 1), (1, 12, 16, 4), (12, 16, 3), (1, 12, 16), (1, 1, 12, 16, 3), ()])
def test_pixels_of_another_shape_are_refused_with_what_was_expected(shape: tuple[int, ...]) -> None:
    function = tf.function(lambda images: from_pixels(images, "photo", COLOUR), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec(None, tf.uint8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`photo`.*\[batch, rows, columns, 3\] is expected"):
        concrete(tf.zeros(shape, tf.uint8))
