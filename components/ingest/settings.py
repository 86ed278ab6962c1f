"""Settings of ingestion: the `data` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from components.label import ColumnType, LabelSettings
from schema.section import Section

Format = Literal["csv", "parquet", "tfrecord", "images", "idx", "npz"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".tfrecord": "tfrecord",
    ".tfrecord.gz": "tfrecord",
    ".npz": "npz",
    "idx3-ubyte": "idx",
    "idx3-ubyte.gz": "idx",
}


class SplitSettings(Section):
    """How rows are dealt to the three splits: by a stable hash, in these proportions."""

    by: str | None = None
    """Key column: all rows with the same key land in the same split. Default: the whole row."""
    train: int = Field(8, ge=1)
    """Weight of the split that the model learns from."""
    eval: int = Field(1, ge=1)
    """Weight of the split that early stopping watches."""
    test: int = Field(1, ge=1)
    """Weight of the split that the model is judged on."""


class DataSettings(Section):
    """Where the rows come from, and how they are read and split."""

    source: str | None = None
    """A data set that ships with Headgate (`headgate data list`), or `package.module:function`: a generator of your own
    that yields pairs of an image (a uint8 array) and its label. Used where `path` is not given."""
    path: str | None = None
    """A file, a glob, or a pattern with `{SPAN}` (and `{VERSION}`), such as `in/span-{SPAN}/*.csv`. The
    placeholders stand for digits, with or without leading zeros. For images also a folder."""
    format: Format | None = None
    """Default: told by the file name's ending, or by what the folder holds. `images`: a folder with a sub-folder of
    PNG and JPEG files for each class. `idx`: MNIST's format, the labels' file beside the images'. `npz`: NumPy arrays
    of images and labels."""
    span: int | None = Field(None, ge=0)
    """Which span to read. Default: the latest one there is."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    """Column delimiter of CSV files."""
    root: str | None = None
    """Folder that a manifest's paths of images start from, and must lie below. Default: the manifest's own."""
    min_side: int = Field(4, ge=1)
    """Fewest pixels of an image's width and height; smaller ones go to quarantine."""
    max_pixels: int = Field(89_478_485, ge=1, le=150_000_000)  # TensorFlow decodes up to 2^29 values, three a pixel
    """Most pixels of an image, as its header says; larger ones go to quarantine, and are never decoded."""
    prepare: str | None = None
    """`package.module:function` from a `pyarrow.RecordBatch` to a `pyarrow.RecordBatch`, run on each batch as
    it is read. For labels that are computed from other columns: serving does not run it. Its columns are int64,
    float64 or string (or lists of them), null where a value is missing. It may add, change and remove columns,
    and drop rows; a row that is refused after rows were dropped is reported by its batch's first line."""
    split: SplitSettings = SplitSettings()

    @field_validator("delimiter")
    @classmethod
    def _plain_delimiter(cls, value: str) -> str:
        if not value.isascii() or value in '"\r\n':
            raise ValueError(f"a delimiter is one ASCII character, no quote and no line end; received {value!r}")
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> DataSettings:
        if self.path is None and self.source is None:
            raise ValueError("give `path` (your files) or `source` (a data set that ships with Headgate)")
        return self

    @model_validator(mode="after")
    def _rooted(self) -> DataSettings:
        if self.root is not None and self.format in ("images", "idx", "npz"):
            raise ValueError(f"`root` is where a manifest's paths start; the format {self.format} has no manifest")
        return self


class IngestSettings(Section):
    """What the ingest step needs to know."""

    data: DataSettings
    columns: dict[str, ColumnType]
    """Declared types of the feature columns. All other columns are read too, and their types are found."""
    label: LabelSettings
    images: tuple[str, ...] = ()
    """Columns that hold images or their paths."""
    late_labels: bool = False
    """Whether rows without a label are kept, even all of them."""

    @property
    def declared(self) -> dict[str, ColumnType]:
        """Columns whose types are declared: the features and the label."""
        return {**self.columns, self.label.name: self.label.type}

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must be there."""
        declared = self.columns if self.late_labels else self.declared
        return (*declared, *self.images)
