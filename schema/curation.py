"""Curated schemas: where they lie, how they are read and written, and what Headgate adds to an inferred one.

An inferred schema says what one span of data happened to look like. A curated one says what data must look like
from now on: somebody looked at it and accepted it, and the data gate holds later spans against it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.errors import SettingsError
from schema.remote import copies, files
from schema.remote.addresses import here, is_remote, told
from schema.settings import SchemaSettings

TRAINING = "TRAINING"
SERVING = "SERVING"

LabelType = Literal["float", "int", "string"]


def read(path: Path) -> schema_pb2.Schema:
    """Reads a schema from a text proto.

    Raises:
      SettingsError: the file is not there, is not UTF-8 text, or does not parse; says where.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except FileNotFoundError as error:
        raise SettingsError(
            "The schema file does not exist.",
            where=str(path),
            expected="a TensorFlow Metadata schema as text proto",
            fix="correct `schema.path`, or leave it out and write a schema with `headgate schema accept`",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "The schema file is not UTF-8 text.",
            where=f"{path}, byte {error.start}",
            expected="a TensorFlow Metadata schema as text proto",
            received="bytes that are no text; a binary proto ends in .pb",
            fix="write the schema as text, with `headgate schema accept`",
        ) from error
    except text_format.ParseError as error:
        line, column = error.GetLine(), error.GetColumn()
        raise SettingsError(
            "The schema file does not parse.",
            where=str(path) if line is None else f"{path}, line {line}, column {column}",
            expected="a TensorFlow Metadata schema as text proto",
            received=str(error).split(" : ", 1)[-1].strip("'"),
            fix="correct that line, or write the file anew with `headgate schema accept`",
        ) from error


def write(schema: schema_pb2.Schema, path: Path) -> None:
    """Writes a schema as text proto; the file at `path` is the old one or the new one, never half of either.

    Where that is the copy of a remote file, it is sent there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with staged.open("w", encoding="utf-8") as file:
            file.write(text_format.MessageToString(schema, as_utf8=True))
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
        if is_remote(told(str(path))):
            files.upload(told(str(path)), {"": path})
    finally:
        staged.unlink(missing_ok=True)


def accepted_path(settings: SchemaSettings, name: str, settings_file: Path | None) -> Path:
    """Where `headgate schema accept` writes the curated schema of a pipeline.

    Args:
      settings: the `schema` section.
      name: the pipeline's name.
      settings_file: the settings file, whose folder relative paths start from. None for a preset, whose paths
        start from the current directory.

    Returns:
      The file; of a remote one the copy on this machine, which `write` sends.
    """
    if settings.path and is_remote(settings.path):
        return here(settings.path)
    base = settings_file.parent if settings_file else Path.cwd()
    return base / (settings.path or Path("schema", f"{name}.pbtxt"))


def curated_path(settings: SchemaSettings, name: str, settings_file: Path | None) -> Path | None:
    """Where the curated schema of a pipeline lies; takes what `accepted_path` takes.

    Returns:
      The accepted schema; else, for a preset, the one that ships in this folder; None where there is neither.

    Raises:
      SettingsError: the settings name a file that does not exist.
      HeadgateError: it is remote, and the storage failed.
    """
    accepted = accepted_path(settings, name, settings_file)
    if settings.path is not None:
        copies.fetch(settings.path)
    if accepted.is_file():
        return accepted
    if settings.path is not None:
        raise SettingsError(
            "The curated schema does not exist.",
            where=f"schema.path: {settings.path}",
            expected=f"a TensorFlow Metadata schema at {accepted}",
            fix="correct the path, or leave it out and write a schema with `headgate schema accept`",
        )
    shipped = Path(__file__).with_name(f"{name}.pbtxt")
    return shipped if settings_file is None and shipped.is_file() else None


def curate(
    schema: schema_pb2.Schema,
    *,
    label: str,
    label_type: LabelType,
    classes: Sequence[int | str] = (),
    features: Collection[str] = (),
) -> schema_pb2.Schema:
    """Adds to an inferred schema what inference cannot know.

    - Environments: TRAINING has all columns; SERVING has only the columns that the model reads.
    - The label: present in every training row, one of its classes.
    - Float features: no NaN, no infinity.

    Args:
      schema: as TFDV inferred it; stays as it is.
      label: name of the label column.
      label_type: type of the label column.
      classes: label values; empty for a regression.
      features: columns that the model reads. Empty: all but the label.

    Raises:
      SettingsError: the schema has no such label or feature.
    """
    names = [feature.name for feature in schema.feature]
    for name in (label, *features):
        if name not in names:
            raise SettingsError(
                f"The data have no column `{name}`.",
                where="label.name" if name == label else f"features.columns: {name}",
                expected=f"one of {names}",
                fix="correct the name in the settings, or the data",
            )
    curated = schema_pb2.Schema()
    curated.CopyFrom(schema)
    curated.default_environment[:] = sorted({*schema.default_environment, TRAINING, SERVING}, reverse=True)
    for feature in curated.feature:
        if feature.name == label:
            _curate_label(feature, label_type, classes)
        if feature.type == schema_pb2.FLOAT:
            feature.float_domain.disallow_nan = True
            feature.float_domain.disallow_inf = True
        read_by_model = feature.name in features if features else feature.name != label
        if not read_by_model and SERVING not in feature.not_in_environment:
            feature.not_in_environment.append(SERVING)
    _drop_unused_domains(curated)
    return curated


def bound(feature: schema_pb2.Feature, low: float, high: float, least: float, most: float) -> None:
    """Gives a numeric feature a range, or widens the one that it has; an end that already suits the data stays.

    Args:
      feature: changed in place.
      low: least value that the data have.
      high: greatest value that the data have.
      least: where the range begins, if it has no beginning yet or the data lie below it.
      most: where it ends, if it has no end yet or the data lie above it.
    """
    whole = feature.type == schema_pb2.INT
    domain = feature.int_domain if whole else feature.float_domain
    number = int if whole else float
    if not domain.HasField("min") or low < domain.min:
        domain.min = number(least)
    if not domain.HasField("max") or high > domain.max:
        domain.max = number(most)


def _curate_label(feature: schema_pb2.Feature, label_type: LabelType, classes: Sequence[int | str]) -> None:
    feature.presence.min_fraction = 1.0
    feature.presence.min_count = 1
    if label_type == "int":
        numbers = [int(value) for value in classes]
        # An inferred `bool_domain` would allow 0 and 1 only; setting another member of the oneof clears it.
        feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=min(numbers), max=max(numbers), is_categorical=True))
    elif label_type == "string":
        feature.string_domain.CopyFrom(schema_pb2.StringDomain(value=[str(value) for value in classes]))


def _drop_unused_domains(schema: schema_pb2.Schema) -> None:
    used = {feature.domain for feature in schema.feature}
    kept = [domain for domain in schema.string_domain if domain.name in used]
    del schema.string_domain[:]
    schema.string_domain.extend(kept)
