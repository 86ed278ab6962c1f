"""What a network receives: one named input for each transformed feature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.models.settings import ModelSettings
from components.transform.settings import ColumnSettings, CrossSettings, FeaturesSettings
from schema.errors import SettingsError


@dataclass(frozen=True)
class FeatureInput:
    """One transformed feature as a network sees it.

    Attributes:
      name: the feature's name, the key in the network's input dictionary.
      shape: of a row: (width,) for numbers and ids, (height, width, channels) for an image.
      ids: for an integer feature the number of ids (0 to ids - 1); None for float32 features.
      embedding: width of the learned vector for each id; None for float32 features.
    """

    name: str
    shape: tuple[int, ...] = (1,)
    ids: int | None = None
    embedding: int | None = None

    @property
    def is_image(self) -> bool:
        """Whether it is an image: float32 pixels in [0, 1]."""
        return len(self.shape) == 3

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return math.prod(self.shape)

    @property
    def layer_name(self) -> str:
        """The name as Keras takes it for an input layer: without `/`."""
        return self.name.replace("/", "_")

    @property
    def dtype(self) -> str:
        """`int64` for ids, `float32` for numbers."""
        return "float32" if self.ids is None else "int64"


@dataclass(frozen=True)
class Head:
    """The output layer that the label asks for.

    Attributes:
      units: numbers in an output row: 1, or the number of classes.
      activation: `sigmoid` (binary), `softmax` (multiclass) or `linear` (regression).
    """

    units: int
    activation: str


def the_image(inputs: Sequence[FeatureInput], settings: ModelSettings) -> tuple[FeatureInput, list[FeatureInput]]:
    """Finds the image for a network that takes one.

    Args:
      inputs: the transformed features.
      settings: the `model` section.

    Returns:
      The image, and the other features.

    Raises:
      SettingsError: there is none, or more than one, or the network cannot take its shape.
    """
    images = [each for each in inputs if each.is_image]
    if len(images) != 1:
        raise SettingsError(
            f"The network `{settings.build}` takes one image.",
            where="features.images",
            expected="one image",
            received=", ".join(each.name for each in images) or "none",
            fix="`build: dense` takes any number of images, and none",
        )
    [image] = images
    try:
        settings.check_image(*image.shape)
    except ValueError as error:
        raise SettingsError(
            "The network cannot take the image.", where=f"image {image.name}", received=str(error)
        ) from None
    return image, [each for each in inputs if not each.is_image]


def feature_inputs(transform_output: Any, features: FeaturesSettings) -> list[FeatureInput]:
    """Lists a network's inputs from what Transform wrote.

    Args:
      transform_output: the `tft.TFTransformOutput`: names, dtypes, shapes and vocabulary sizes.
      features: the `features` section: ranges of ids and widths of embeddings.

    Returns:
      One `FeatureInput` for each transformed feature, by name.

    Raises:
      SettingsError: if a `preprocessing_fn` of the user's own gives a feature that no network can take.
    """
    specs = transform_output.transformed_feature_spec()
    domains = {
        feature.name: feature.int_domain.max + 1
        for feature in transform_output.transformed_metadata.schema.feature
        if feature.HasField("int_domain")
    }
    return [_feature_input(name, specs[name], transform_output, features, domains) for name in sorted(specs)]


def _feature_input(
    name: str, spec: Any, transform_output: Any, features: FeaturesSettings, domains: dict[str, int]
) -> FeatureInput:
    settings = features.crosses.get(name) or features.columns.get(name)
    shape = getattr(spec, "shape", None)
    ranks = {"float32": (0, 1, 3), "int64": (0, 1)}
    if shape is None or None in shape or len(shape) not in ranks.get(spec.dtype.name, ()):
        raise SettingsError(
            f"The transformed feature `{name}` cannot be fed to a network.",
            where="features.preprocessing_fn",
            expected="a dense float32 or int64 tensor [batch] or [batch, width], or float32 pixels "
            "[batch, height, width, channels]",
            received=f"{type(spec).__name__}, dtype {spec.dtype.name}, shape {shape}",
        )
    shape = tuple(shape) or (1,)
    if spec.dtype.name == "float32":
        return FeatureInput(name, shape)
    ids = _ids(name, settings, transform_output) if not features.preprocessing_fn else domains.get(name)
    if ids is None:
        raise SettingsError(
            f"The integer feature `{name}` has no known range.",
            where="features.preprocessing_fn",
            expected="ids from tft.compute_and_apply_vocabulary or tft.apply_buckets, or float32",
            received="int64 without an int_domain",
        )
    return FeatureInput(name, shape, ids, settings.embedding if settings else ColumnSettings().embedding)


def _ids(name: str, settings: ColumnSettings | CrossSettings | None, transform_output: Any) -> int | None:
    if isinstance(settings, CrossSettings):
        return settings.size
    if settings is None:
        return None
    match settings.steps[-1]:
        case "bucketize":
            return settings.buckets
        case "hash":
            return settings.size
        case "identity":
            return settings.size + 1
    return int(transform_output.vocabulary_size_by_name(name)) + 1
