"""Networks as LiteRT files: sizes, scores, and what cannot be converted."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.edge.convert import convert, save
from components.edge.inputs import RawInput, from_pixels
from components.edge.interpreter import Interpreter
from components.edge.make import refuse_other_scores, sample
from schema.errors import HeadgateError

DIGIT = RawInput("digit", "digit", (1, 28, 28, 1), "uint8")


def digits_network(*hidden: keras.layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((28, 28, 1), name="digit")
    x = keras.layers.Conv2D(16, 3, activation="relu", padding="same")(image)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    for layer in (*hidden, keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")):
        x = layer(x)
    return keras.Model({"digit": image}, x)


@pytest.fixture(scope="module")
def digits() -> dict[str, np.ndarray]:
    return {"digit": np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1)).astype(np.uint8)}


@pytest.fixture(scope="module")
def files(tmp_path_factory, digits) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("saved")
    save(digits_network(), from_pixels([DIGIT]), [DIGIT], folder)
    return {format_: convert(folder, format_, digits) for format_ in ("float32", "float16", "int8")}


def test_float16_halves_the_file_and_int8_quarters_it(files):
    assert len(files["float16"]) < 0.55 * len(files["float32"])
    assert len(files["int8"]) < 0.3 * len(files["float32"])


@pytest.mark.parametrize(("format_", "tolerance"), [("float32", 1e-6), ("float16", 1e-3), ("int8", 0.02)])
def test_scores_are_those_of_the_network(files, digits, format_, tolerance):
    expected = digits_network()({"digit": digits["digit"] / np.float32(255)}).numpy()
    found = Interpreter(files[format_]).scores(digits)
    np.testing.assert_allclose(found, expected, atol=tolerance)


class Decompose(keras.layers.Layer):
    """Calls what LiteRT does not have."""

    def call(self, x):
        return x * tf.reduce_max(tf.linalg.svd(x, compute_uv=False))


def test_a_network_that_cannot_be_converted_is_told_with_the_operation(tmp_path):
    save(digits_network(Decompose()), from_pixels([DIGIT]), [DIGIT], tmp_path)
    with pytest.raises(HeadgateError, match="cannot be converted") as caught:
        convert(tmp_path, "float32", {})
    assert caught.value.received == "operations that it does not have: Svd"


def test_scores_that_differ_from_the_full_model_are_refused():
    expected = np.array([[0.1], [0.9], [0.5]], np.float32)
    refuse_other_scores(expected + 1e-5, expected)
    for wrong in (0.02, np.nan):
        found = expected.copy()
        found[1] = wrong
        with pytest.raises(HeadgateError, match="does not say what the full model says") as caught:
            refuse_other_scores(found, expected)
        assert "row 1 " in str(caught.value)


def test_representative_rows_come_from_anywhere_in_the_split():
    rows = [str(number).encode() for number in range(1000)]
    chosen = sample(iter(rows), 100)
    assert len(set(chosen)) == 100
    assert chosen == sample(iter(rows), 100)
    assert 400 < np.mean([int(row) for row in chosen]) < 600
    assert sample(iter(rows[:5]), 100) == rows[:5]
    assert sample(iter([]), 100) == []
