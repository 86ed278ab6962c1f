"""Ways to feed a network with images, ours and peers'. Imported by measuring processes only.

Each takes the CPU seconds of one epoch after the other. The first one is left out: it traces functions. The pass that
fills the Trainer's cache, before it, is measured apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow_transform as tft
from PIL import Image

from benchmarks.pictures import KINDS, LABEL, features
from components.models.inputs import feature_inputs
from components.models.registry import build_model
from components.models.settings import ConvolutionSettings, LayerSettings, ModelSettings
from components.training.compilation import LOSSES, metrics
from components.training.dataset import Rows
from components.training.fitting import MAX_STEPS_PER_CALL, FitSettings, fit
from components.training.raw_rows import RawRows
from components.training.settings import TrainingSettings
from components.training.splits import Splits, prepare

BATCH = 32
MODELS = {
    "colour": ModelSettings(
        build="cnn",
        convolutions=tuple(ConvolutionSettings(filters=filters, padding="valid") for filters in (32, 64)),
        layers=(LayerSettings(units=128),),
    ),
    "digit": ModelSettings(layers=(LayerSettings(units=128),)),
}
"""The articles' networks."""


class Epochs(keras.callbacks.Callback):
    """Takes the CPU seconds of each epoch's training steps, of all threads."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._began: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._began = time.process_time()

    def on_test_begin(self, logs: Any = None) -> None:
        """Stops it where validation begins."""
        if self._began is not None:
            self.seconds.append(time.process_time() - self._began)
        self._began = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops it where there was no validation."""
        self.on_test_begin()


def train(folder: str, kind: str, epochs: int) -> dict[str, Any]:
    """Trains as the Trainer does, from TFRecords.

    Returns:
      `reading`: CPU seconds of the pass that fills the cache; `epochs`: those of each epoch after the first.
    """
    began = time.process_time()
    times = Epochs()
    training = _training(epochs)
    with _splits(folder, kind, training) as (splits, inputs):
        reading = time.process_time() - began
        fit(FitSettings(label=LABEL, model=MODELS[kind], training=training), inputs, splits, [times])
    return {"reading": reading, "epochs": times.seconds[1:]}


def train_from_memory(folder: str, kind: str, epochs: int) -> dict[str, Any]:
    """Trains the same network on arrays that Keras is given whole."""
    paths = _files(folder)
    pixels = np.stack([_pixels(path, kind) for path in paths])
    labels = np.array([[int(path.parent.name)] for path in paths])
    transform_output = tft.TFTransformOutput(str(Path(folder, "transform")))
    keras.utils.set_random_seed(0)
    network = build_model(feature_inputs(transform_output, features(kind)), LABEL, MODELS[kind])
    network.compile(
        keras.optimizers.Adam(),
        LOSSES[LABEL.task],
        metrics=metrics(LABEL.task),
        steps_per_execution=MAX_STEPS_PER_CALL,
        jit_compile=False,
    )
    times = Epochs()
    network.fit({"image": pixels}, labels, batch_size=BATCH, epochs=epochs, callbacks=[times], verbose=0)
    return {"epochs": times.seconds[1:]}


def stream(folder: str, kind: str, epochs: int, cache: str = "auto", shuffle_buffer: int = 10_000) -> dict[str, Any]:
    """Makes the Trainer's batches and does nothing with them; returns what `train` does."""
    began = time.process_time()
    training = _training(epochs, cache=cache, shuffle_buffer=shuffle_buffer)
    with _splits(folder, kind, training) as (splits, _):
        reading = time.process_time() - began
        batches = iter(splits.train_batches(training))
        seconds = [_timed(batches, splits.steps(training)) for _ in range(epochs)]
    return {"reading": reading, "epochs": seconds[1:]}


class Loader(keras.utils.PyDataset):
    """Reads images as `ImageDataGenerator.flow_from_directory` does: one by one, in Python, anew in each epoch."""

    def __init__(self, folder: str, kind: str) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._kind = kind
        self._paths = _files(folder)
        self._random = np.random.default_rng(0)

    def __len__(self) -> int:
        return -(-len(self._paths) // BATCH)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        paths = self._paths[index * BATCH : (index + 1) * BATCH]
        return np.stack([_pixels(path, self._kind) for path in paths]), np.array([int(p.parent.name) for p in paths])

    def on_epoch_end(self) -> None:
        """Another order."""
        self._paths = [self._paths[place] for place in self._random.permutation(len(self._paths))]


def stream_in_python(folder: str, kind: str, epochs: int) -> dict[str, Any]:
    """Makes the loader's batches and does nothing with them."""
    loader = Loader(folder, kind)
    seconds = []
    for _ in range(epochs):
        seconds.append(_timed((loader[index] for index in range(len(loader))), len(loader)))
        loader.on_epoch_end()
    return {"epochs": seconds[1:]}


def _timed(batches: Iterator[Any], steps: int) -> float:
    began = time.process_time()
    for _ in range(steps):
        next(batches)
    return time.process_time() - began


def _training(epochs: int, **settings: Any) -> TrainingSettings:
    return TrainingSettings(epochs=epochs, batch_size=BATCH, early_stopping=None, **settings)


@contextmanager
def _splits(folder: str, kind: str, training: TrainingSettings) -> Iterator[tuple[Splits, Any]]:
    chosen = features(kind)
    transform_output = tft.TFTransformOutput(str(Path(folder, "transform")))
    rows = Rows(RawRows(transform_output, chosen.raw).transform, LABEL, chosen.decoded_images)
    train_files, eval_files = ([str(Path(folder, "examples", f"Split-{split}", "*"))] for split in ("train", "eval"))
    with prepare(rows, train_files, eval_files, LABEL, training) as splits:
        yield splits, feature_inputs(transform_output, chosen)


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder, "files").glob("*/*.png"), key=lambda path: path.name)


def _pixels(path: Path, kind: str) -> np.ndarray[Any, Any]:
    """A file as the network takes it: float32 [height, width, channels]."""
    height, width, channels = KINDS[kind].shape
    image = Image.open(path).convert("RGB" if channels == 3 else "L")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).reshape(height, width, channels) / 255
