"""Functions as a user would write them beside a settings file."""

from __future__ import annotations

from typing import Any


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """A tf.Transform preprocessing_fn: scaled miles, and the company's place in a vocabulary."""
    import tensorflow as tf
    import tensorflow_transform as tft

    miles = tf.sparse.to_dense(
        tf.SparseTensor(inputs["miles"].indices, inputs["miles"].values, _column(inputs["miles"]))
    )
    company = tf.sparse.to_dense(
        tf.SparseTensor(inputs["company"].indices, inputs["company"].values, _column(inputs["company"])), ""
    )
    return {
        "miles_scaled": tft.scale_to_0_1(miles),
        "company_id": tft.compute_and_apply_vocabulary(company, num_oov_buckets=1),
    }


def _column(tensor: Any) -> Any:
    import tensorflow as tf

    return tf.stack([tensor.dense_shape[0], 1])


def thumbnails(inputs: dict[str, Any]) -> dict[str, Any]:
    """A preprocessing_fn that decodes a photo for itself, to four by four pixels between -1 and 1."""
    import tensorflow as tf

    def decode(file: Any) -> Any:
        pixels = tf.io.decode_image(file, channels=3, expand_animations=False)
        return tf.ensure_shape(tf.image.resize(pixels, (4, 4)), (4, 4, 3)) / 127.5 - 1

    return {"thumbnail": tf.map_fn(decode, inputs["photo"].values, fn_output_signature=tf.float32)}


def ragged_output(inputs: dict[str, Any]) -> dict[str, Any]:
    """Gives the raw sparse tensors, which no network can take."""
    return dict(inputs)


def linear(inputs: Any, head: Any, settings: Any) -> Any:
    """A network without hidden layers."""
    import keras

    tensors = {each.name: keras.Input((each.width,), name=each.name, dtype=each.dtype) for each in inputs}
    numbers = [keras.ops.cast(tensor, "float32") for tensor in tensors.values()]
    x = keras.layers.Concatenate()(numbers) if len(numbers) > 1 else numbers[0]
    return keras.Model(tensors, keras.layers.Dense(head.units, head.activation)(x))


def not_a_model(inputs: Any, head: Any, settings: Any) -> str:
    """Returns something else."""
    return "a network"


def weighted_cross_entropy(network: Any, features: Any, labels: Any, scores: Any, sample_weight: Any) -> Any:
    """A loss for each row: binary cross-entropy, as Keras computes it."""
    import keras

    loss = keras.losses.binary_crossentropy(labels, scores)
    return loss if sample_weight is None else loss * sample_weight


def small_gradients(network: Any, features: Any, labels: Any, scores: Any, sample_weight: Any) -> Any:
    """A scalar loss: cross-entropy, and how steeply the scores follow from `number`."""
    import keras
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(features["number"])
        again = network(features, training=True)
    slope = tape.gradient(again, features["number"])
    return tf.reduce_mean(keras.losses.binary_crossentropy(labels, scores)) + 10 * tf.reduce_mean(tf.square(slope))


def no_loss(network: Any, features: Any, labels: Any, scores: Any, sample_weight: Any) -> Any:
    """Gives something else than a loss."""
    return "low"


def pairs(network: Any, features: Any, labels: Any, scores: Any, sample_weight: Any) -> Any:
    """Gives two numbers for each row."""
    import tensorflow as tf

    return tf.concat([scores, scores], axis=1)
