"""Settings of the models for the edge: the `edge` section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from components.evaluation.settings import FGSM_ACCURACY, METRICS, EvaluationSettings, ThresholdSettings
from components.label import Task
from components.transform.settings import FeaturesSettings
from schema.section import Section

Format = Literal["float32", "float16", "int8"]

SCALED = ("zscore", "minmax")
"""Last steps of a column's transform that LiteRT's own operations can compute."""


class PruningSettings(Section):
    """Magnitude pruning: while the network trains a little more, its smallest weights become zero.

    A pruned file is as large as before and compresses better: look at its size in gzip.
    """

    sparsity: float = Field(0.5, gt=0, lt=1)
    """Share of zeros among the weights of each dense and convolutional layer in the end. Biases are kept."""
    epochs: int = Field(2, ge=1)
    """Passes over the train split, trained as the section `training` says."""


class Recipe(Section):
    """How a variant is made."""

    format: Format
    """Numbers in the file: `float32` as trained; `float16` halves the file; `int8` has whole numbers in weights and
    activations, for a quarter of the file and faster arithmetic."""
    pruning: PruningSettings | None = None
    """Default: no weight is set to zero."""


class VariantSettings(Recipe):
    """One model for the edge, and what it must reach on the test split to be released."""

    thresholds: dict[str, ThresholdSettings] | None = None
    """Bounds by metric, overall and on slices. Default: those of `evaluation`, except that on `fgsm_accuracy`, which
    only the full model has."""
    change_thresholds: dict[str, float] = {}
    """By metric: by how much the variant may be worse than the full model that it was made of. 0.01 allows a loss of
    0.01, 0 allows none."""
    max_bytes: int | None = Field(None, ge=1)
    """Largest file that fits the device. Default: any."""
    required: bool = False
    """Without this variant there is no release: if it fails, the full model is not blessed either."""

    def rules(self, evaluation: EvaluationSettings) -> EvaluationSettings:
        """The `evaluation` section as it holds for the variant.

        Raises:
          ValidationError: the variant has no bounds, or a bound makes no sense.
        """
        inherited = {name: bounds for name, bounds in evaluation.thresholds.items() if name != FGSM_ACCURACY}
        return EvaluationSettings(
            slices=evaluation.slices,
            thresholds=inherited if self.thresholds is None else self.thresholds,
            change_thresholds=self.change_thresholds,
            min_slice_rows=evaluation.min_slice_rows,
        )


class EdgeSettings(Section):
    """Models for devices: the network as LiteRT files, released beside the SavedModel."""

    variants: dict[str, VariantSettings] = Field(min_length=1)
    """By a name of your choice, which is the file's: `int8` gives `int8.tflite`."""
    representative_rows: int = Field(200, ge=0)
    """Rows of the train split that `int8` variants take the ranges of their activations from."""

    @model_validator(mode="after")
    def _variants_make_sense(self) -> EdgeSettings:
        for name, variant in self.variants.items():
            if not re.fullmatch(r"[\w-]+", name, re.ASCII):
                raise ValueError(f"edge.variants: `{name}` names a file: letters, digits, `_` and `-` only")
            if variant.format == "int8" and not self.representative_rows:
                raise ValueError(
                    f"edge.representative_rows: the int8 variant `{name}` needs representative data: "
                    "the ranges of its activations are taken from rows of the train split; received 0"
                )
        return self

    def misfits(self, features: FeaturesSettings, evaluation: EvaluationSettings, task: Task) -> Iterator[str]:
        """What keeps this section from going with the others, each a sentence that begins with the place.

        Args:
          features: what the model reads.
          evaluation: slices, and the thresholds that variants without their own have.
          task: of the label.
        """
        yield from self._unreadable(features)
        for name, variant in self.variants.items():
            for rules in ("thresholds", "change_thresholds"):
                for metric in getattr(variant, rules) or ():
                    if metric not in METRICS[task]:
                        yield (
                            f"edge.variants: `{name}` bounds `{metric}`, which is no metric of a {task} task; "
                            f"there is {list(METRICS[task])}"
                        )
            try:
                variant.rules(evaluation)
            except ValidationError as error:
                yield from (f"edge.variants: `{name}`: {each['ctx']['error']}" for each in error.errors())

    def _unreadable(self, features: FeaturesSettings) -> Iterator[str]:
        """Features that LiteRT's own operations cannot compute."""
        only = "models for the edge read images, or numbers scaled by zscore or minmax"
        if features.preprocessing_fn:
            yield f"edge.variants: {only}; received a `preprocessing_fn` of your own"
        if features.images and features.columns:
            yield f"edge.variants: {only}; received both"
        for name in features.crosses:
            yield f"edge.variants: {only}; received the cross `{name}`"
        for name, column in features.columns.items():
            if column.steps[-1] not in SCALED:
                yield f"edge.variants: {only}; received `{name}`, a {column.type} column with {column.steps[-1]}"
        for name, variant in self.variants.items():
            if variant.format == "float16" and features.columns:
                # Half precision has eleven bits: of a column with mean 40 and deviation 0.01 nothing would be left.
                yield (
                    f"edge.variants: `{name}`: float16 would round the means and scales of columns with the weights; "
                    "for columns, take float32 or int8, which keep them"
                )
