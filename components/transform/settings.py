"""Settings of the features and their transformation: the `features` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from components.label import ColumnType
from schema.section import Section

Step = Literal["zscore", "minmax", "log", "bucketize", "vocabulary", "one_hot", "hash", "identity"]

NUMERIC_STEPS: frozenset[Step] = frozenset({"zscore", "minmax", "log", "bucketize"})
ID_STEPS: frozenset[Step] = frozenset({"bucketize", "vocabulary", "hash", "identity"})

MISSING: dict[ColumnType, float | int | str] = {"float": float("nan"), "int": -(2**63), "string": ""}
"""What stands for a missing value in a dense column, and so in the `predict` signature of the exported model."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class ColumnSettings(Section):
    """One raw column that the model reads."""

    type: ColumnType = "float"
    """Type of the raw column."""
    transform: Annotated[tuple[Step, ...], BeforeValidator(_as_tuple)] = ()
    """Applied left to right, such as `[log, zscore]`. Default: `zscore` for numbers, `vocabulary` for strings."""
    buckets: int = Field(10, ge=2)
    """Number of quantile buckets of `bucketize`."""
    size: int = Field(1000, ge=1)
    """`vocabulary` and `one_hot`: how many of the most frequent values are told apart, all others share one
    more id. `hash`: number of ids. `identity`: the integers 0 to size - 1 are their own ids, others share one."""
    embedding: int = Field(8, ge=1)
    """Width of the learned vector for each id of `bucketize`, `vocabulary`, `hash` and `identity`."""
    impute: float | str | None = None
    """Stands in for a missing value: `mean` or `median` of the training split (of the logarithms after `log`), or a
    constant. Default: `mean` for numbers, the empty string for strings."""
    indicator: bool = False
    """Add an input that is 1 where the value was missing."""

    @model_validator(mode="after")
    def _steps_fit_type(self) -> ColumnSettings:
        for step in self.steps:
            if self.type == "string" and step in NUMERIC_STEPS:
                raise ValueError(f"`{step}` needs a number; a string takes vocabulary, one_hot or hash")
            if self.type == "float" and step not in NUMERIC_STEPS:
                raise ValueError(f"`{step}` needs a string or int column; a float column takes {sorted(NUMERIC_STEPS)}")
        if "identity" in self.steps and self.type != "int":
            raise ValueError("`identity` needs an int column")
        if "identity" in self.steps and self.impute is not None:
            raise ValueError("`identity` gives missing values an id of their own: leave out `impute`")
        if any(step != "log" for step in self.steps[:-1]):
            raise ValueError(f"only `log` may come before another step; received {list(self.steps)}")
        if self.type != "string" and isinstance(self.impute, str) and self.impute not in ("mean", "median"):
            raise ValueError(f"`impute` of a number is mean, median or a constant; received {self.impute!r}")
        if self.type == "string" and isinstance(self.impute, float):
            raise ValueError("`impute` of a string column is a string")
        return self

    @property
    def steps(self) -> tuple[Step, ...]:
        """The transform in force, defaults filled in."""
        return self.transform or (("vocabulary",) if self.type == "string" else ("zscore",))

    @property
    def is_id(self) -> bool:
        """Whether the transformed feature is an integer id for an embedding."""
        return self.steps[-1] in ID_STEPS


class ImageSettings(Section):
    """One image that the model reads: a PNG or JPEG file, or an array, as ingestion puts it into the examples."""

    height: int = Field(64, ge=1, le=4096)
    """Rows of pixels that the network sees; images of another size are resized."""
    width: int = Field(64, ge=1, le=4096)
    """Columns of pixels that the network sees."""
    channels: Literal[1, 3] = 3
    """1 for grey, 3 for colour; images of the other kind are converted."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the network receives for an image: float32 [height, width, channels] in [0, 1]."""
        return self.height, self.width, self.channels


class CrossSettings(Section):
    """A feature made of two or more columns: one id for each combination, hashed."""

    of: tuple[str, ...] = Field(min_length=2)
    """Columns to cross. Numbers are crossed by their bucket, so they need `bucketize`."""
    size: int = Field(1000, ge=2)
    """Number of ids that the combinations are hashed to."""
    embedding: int = Field(8, ge=1)
    """Width of the learned vector for each id."""


class FeaturesSettings(Section):
    """What the model sees: raw columns, crosses, and how each becomes a network input."""

    columns: dict[str, ColumnSettings] = {}
    """The raw columns that the model reads, by name."""
    images: dict[str, ImageSettings] = {}
    """The images that the model reads, by the name of the column that holds them or their paths."""
    crosses: dict[str, CrossSettings] = {}
    """Features made of several columns, by a name of your choice."""
    preprocessing_fn: str | None = None
    """`package.module:function`: a tf.Transform `preprocessing_fn` of your own, in place of the columns'
    transforms. It maps the raw columns to model inputs; the label is handled apart."""

    @property
    def types(self) -> dict[str, ColumnType]:
        """Type of each raw column that the model reads, images left out."""
        return {name: column.type for name, column in self.columns.items()}

    @property
    def raw(self) -> dict[str, ColumnType]:
        """Type of everything that the model reads of an example: an image is a string, the bytes of its file."""
        return self.types | dict.fromkeys(self.images, "string")

    @property
    def decoded_images(self) -> dict[str, ImageSettings]:
        """The images that the transform graph decodes; a `preprocessing_fn` of one's own gets files."""
        return {} if self.preprocessing_fn else self.images

    @model_validator(mode="after")
    def _consistent(self) -> FeaturesSettings:
        if not self.columns and not self.images:
            raise ValueError("the model reads nothing: give `columns` or `images`")
        for name in self.images:
            if name in self.columns or name in self.crosses:
                raise ValueError(f"image `{name}` has the name of a column or cross")
        for name, cross in self.crosses.items():
            if name in self.columns:
                raise ValueError(f"cross `{name}` has the name of a column")
            for column in cross.of:
                if column not in self.columns:
                    raise ValueError(f"cross `{name}` names `{column}`, which is not among the columns")
                settings = self.columns[column]
                if settings.type == "float" and settings.steps[-1] != "bucketize":
                    raise ValueError(f"cross `{name}` names the float column `{column}`: give it `bucketize`")
        if self.preprocessing_fn and (self.crosses or any(column.transform for column in self.columns.values())):
            raise ValueError("with a `preprocessing_fn` of your own, leave out `crosses` and the columns' `transform`")
        return self
