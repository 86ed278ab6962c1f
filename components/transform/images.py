"""Images in the transform graph: files or decoded pixels in, pixels as the network takes them out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.transform.settings import ImageSettings

_STEP = 1 / 255
"""Pixels are multiplied by this. TensorFlow makes the same of a division by 255, but not everywhere, and it differs in
the last digit."""

_PNG, _JPEG = b"\x89PNG", b"\xff\xd8\xff"


def from_files(encoded: Any, name: str, settings: ImageSettings) -> Any:
    """Decodes, resizes and scales.

    Decoding gives the very pixels that Pillow gives, so that a client may decode for itself: JPEG by the exact
    transform, not TensorFlow's default. (`decode_jpeg` reads PNG too.) A file of 16 bits loses the lower eight, an
    alpha channel is left out.

    Args:
      encoded: PNG or JPEG files, string [batch], each of any size, grey or colour.
      name: the image's name, for error messages.
      settings: what the network receives.

    Returns:
      float32 [batch, height, width, channels], see `from_pixels`. Running the graph fails on a row that is no
      such file.
    """

    def decode(file: Any) -> Any:
        pixels = tf.io.decode_jpeg(file, settings.channels, dct_method="INTEGER_ACCURATE")
        return tf.ensure_shape(_resized(pixels, settings), settings.shape)

    start = tf.strings.substr(encoded, 0, len(_PNG))
    known = tf.equal(start, _PNG) | tf.equal(tf.strings.substr(start, 0, len(_JPEG)), _JPEG)
    message = f"image `{name}`: the bytes of a PNG or JPEG file are expected; a row has none, or another format"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(known), [message])]):
        files = tf.identity(encoded)
    return scaled(tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec(settings.shape, tf.uint8)))


def from_pixels(pixels: Any, name: str, settings: ImageSettings) -> Any:
    """Resizes and scales images that were decoded before.

    Args:
      pixels: uint8 [batch, rows, columns, channels], rows and columns of any number.
      name: the image's name, for error messages.
      settings: what the network receives.

    Returns:
      float32 [batch, height, width, channels] in [0, 1], see `scaled`.
      Running the graph fails on pixels of another rank or number of channels.
    """
    shape = tf.shape(pixels)
    expected = f"[batch, rows, columns, {settings.channels}] is expected; received shape"
    message = f"image `{name}`: uint8 pixels {expected}"
    fits = tf.equal(tf.size(shape), 4) & tf.reduce_all(tf.equal(shape[3:], settings.channels))
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, shape], summarize=9)]):
        images = tf.ensure_shape(pixels, (None, None, None, settings.channels))
    return scaled(tf.ensure_shape(_resized(images, settings), (None, *settings.shape)))


def _resized(pixels: Any, settings: ImageSettings) -> Any:
    """uint8 [..., rows, columns, channels] at the network's size; pixels that have it already stay as they are."""
    size = (settings.height, settings.width)

    def resize() -> Any:
        # Bilinear weights are positive and sum to one: rounding keeps within 0..255.
        return tf.cast(tf.round(tf.image.resize(pixels, size, antialias=True)), tf.uint8)

    return tf.cond(tf.reduce_all(tf.equal(tf.shape(pixels)[-3:-1], size)), lambda: pixels, resize)


def scaled(pixels: Any) -> Any:
    """Whole numbers, uint8, as the network takes them: float32 in [0, 1]."""
    return tf.cast(pixels, tf.float32) * _STEP


def whole(pixels: Any) -> Any:
    """What `scaled` was given, without loss."""
    return tf.cast(tf.round(pixels / _STEP), tf.uint8)
