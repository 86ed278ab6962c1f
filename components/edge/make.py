"""Makes the files of all variants from the model that was trained."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.edge.convert import convert, save
from components.edge.inputs import RowReader, from_columns, from_pixels, raw_inputs
from components.edge.interpreter import Interpreter
from components.edge.network import restore
from components.edge.pruning import MagnitudePruning, sparsity
from components.edge.record import Variant
from components.edge.settings import PruningSettings, Recipe
from components.edge.source import Source, records
from components.models.inputs import feature_inputs
from components.training.callbacks import PROGRESS
from components.training.dataset import Rows
from components.training.fitting import FitSettings, fit_further
from components.training.raw_rows import RawRows
from components.training.splits import prepare
from components.transform.settings import FeaturesSettings
from schema.errors import DataError, HeadgateError

CHECKED_ROWS = 100
"""Rows of the test split on which a float32 file must say what the SavedModel says."""

TOLERANCE = 1e-3
"""By how much scores may differ there, as a share of the largest; probabilities by so much itself."""


class MakeSettings(FitSettings):
    """What the files depend on. What they must reach is the judge's business."""

    features: FeaturesSettings
    recipes: dict[str, Recipe]
    representative_rows: int


def make(source: Source, settings: MakeSettings, folder: Path) -> list[Variant]:
    """Writes `NAME.tflite` for each variant.

    Args:
      source: model and data.
      settings: how each variant is made.
      folder: where the files go.

    Returns:
      A record of each, without metrics.

    Raises:
      DataError: there are no rows to quantise by.
      HeadgateError: the network cannot be converted, or its file gives other scores than the SavedModel.
    """
    with tempfile.TemporaryDirectory() as scratch:
        maker = _Maker(source, settings, Path(scratch))
        maker.check()
        return [maker.write(name, recipe, folder) for name, recipe in settings.recipes.items()]


def refuse_other_scores(found: np.ndarray, expected: np.ndarray) -> None:
    """Holds a converted model's scores against those of the model that it was made of.

    Raises:
      HeadgateError: they differ by more than `TOLERANCE`, or are no numbers.
    """
    allowed = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not np.allclose(found, expected, rtol=0, atol=allowed):
        row = int(np.argmax(np.nan_to_num(np.abs(found - expected), nan=np.inf).max(axis=1)))
        raise HeadgateError(
            "The model for the edge does not say what the full model says.",
            where=f"edge: the LiteRT file in float32, row {row} of the test split",
            expected=f"the SavedModel's scores {expected[row].tolist()}, give or take {allowed:g}",
            received=f"{found[row].tolist()}",
            fix="leave out the section `edge`, or change the layers that LiteRT computes differently",
        )


class _Maker:
    """Converts one trained model; a network that several variants share is restored, pruned and saved once."""

    def __init__(self, source: Source, settings: MakeSettings, scratch: Path) -> None:
        self._source = source
        self._settings = settings
        self._scratch = scratch
        transform_output = tft.TFTransformOutput(str(source.transform_graph))
        self._features = feature_inputs(transform_output, settings.features)
        self._rows = RawRows(transform_output, settings.features.raw)
        self._inputs = raw_inputs(settings.features)
        self._scaling = (
            from_pixels(self._inputs) if settings.features.images else from_columns(self._inputs, self._rows)
        )
        self._reader = RowReader(self._rows.transform, self._inputs)
        self._saved: dict[PruningSettings | None, tuple[Path, float | None]] = {}

    def check(self) -> None:
        """Refuses a conversion that does not say what the SavedModel says."""
        examples = list(islice(records(self._source.files["test"]), CHECKED_ROWS))
        if examples:
            full = tf.saved_model.load(str(self._source.saved_model)).signatures["serving_default"]
            folder, _ = self._save(None)
            found = Interpreter(convert(folder, "float32", {})).scores(self._reader.read(examples))
            refuse_other_scores(found, full(tf.constant(examples))["scores"].numpy())

    def write(self, name: str, recipe: Recipe, folder: Path) -> Variant:
        """Writes a variant's file."""
        saved, zeros = self._save(recipe.pruning)
        PROGRESS.info("converting %s", name)
        content = convert(saved, recipe.format, self._representative if recipe.format == "int8" else {})
        variant = Variant(
            name=name,
            format=recipe.format,
            bytes=len(content),
            gzip_bytes=len(gzip.compress(content, mtime=0)),
            inputs={each.argument: f"{each.dtype} {list(each.shape)}" for each in self._inputs},
            sparsity=zeros,
        )
        (folder / variant.file).write_bytes(content)
        return variant

    def _save(self, pruning: PruningSettings | None) -> tuple[Path, float | None]:
        """The SavedModel that is converted, and its share of zeros if it was pruned."""
        if pruning not in self._saved:
            network = restore(self._source.saved_model, self._features, self._settings)
            if pruning:
                self._prune(network, pruning)
            folder = self._scratch / str(len(self._saved))
            save(network, self._scaling, self._inputs, folder)
            self._saved[pruning] = folder, sparsity(network) if pruning else None
        return self._saved[pruning]

    def _prune(self, network: keras.Model, pruning: PruningSettings) -> None:
        PROGRESS.info("pruning to a sparsity of %g", pruning.sparsity)
        label, training = self._settings.label, self._settings.training
        train, held_out = ([str(path) for path in self._source.files[split]] for split in ("train", "eval"))
        rows = Rows(self._rows.transform, label, self._settings.features.decoded_images)
        with prepare(rows, train, held_out, label, training) as splits:
            pruner = MagnitudePruning(pruning.sparsity, splits.steps(training) * pruning.epochs)
            fit_further(network, self._settings, self._features, splits, pruning.epochs, [pruner])

    @cached_property
    def _representative(self) -> dict[str, np.ndarray]:
        rows = sample(records(self._source.files["train"]), self._settings.representative_rows)
        if not rows:
            raise DataError(
                "An int8 model cannot be made without representative data.",
                where="edge: the train split",
                expected=f"rows to take the ranges of activations from, up to {self._settings.representative_rows}",
                received="a split without rows",
                fix="give the train split more of the data (data.split.train), or leave out the int8 variants",
            )
        return self._reader.read(rows)


def sample(rows: Iterable[bytes], count: int, seed: int = 0) -> list[bytes]:
    """Up to `count` rows from anywhere among `rows`, each as likely as any other (reservoir sampling).

    Args:
      rows: any number; they are not kept.
      count: at most so many.
      seed: the same one chooses the same rows.
    """
    random = np.random.default_rng(seed)
    kept: list[bytes] = []
    for position, row in enumerate(rows):
        if len(kept) < count:
            kept.append(row)
        elif (place := random.integers(position + 1)) < count:
            kept[place] = row
    return kept
