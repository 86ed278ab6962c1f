"""The images that the input pipeline is measured on: files in a folder for each class, and the same as examples."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from tfx.components.transform.executor import Executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.beam import BeamSettings
from components.ingest.tfrecord import frame
from components.label import LabelSettings
from components.transform.settings import FeaturesSettings, ImageSettings

COLOUR = ImageSettings(height=64, width=64, channels=3)
DIGIT = ImageSettings(height=28, width=28, channels=1)
KINDS = {"colour": COLOUR, "digit": DIGIT}
LABEL = LabelSettings(name="label", task="binary")

_SCHEMA = """
feature { name: "image" type: BYTES value_count { min: 1 max: 1 } presence { min_fraction: 1 min_count: 1 } }
feature { name: "label" type: INT value_count { min: 1 max: 1 } presence { min_fraction: 1 min_count: 1 } }
"""
_PART = 1000


def features(kind: str) -> FeaturesSettings:
    """One image of the kind, `colour` or `digit`."""
    return FeaturesSettings(images={"image": KINDS[kind]})


def write(folder: str, kind: str, rows: int) -> None:
    """Writes `files/LABEL/*.png`, and examples and a transform graph made of them; the same every time.

    Args:
      folder: where to write.
      kind: `colour` or `digit`.
      rows: how many in the train split; the eval split has 64.
    """
    root = Path(folder)
    for split, count in (("train", rows), ("eval", 64)):
        path = root / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001"
        path.parent.mkdir(parents=True)
        random = np.random.default_rng(len(split))
        with path.open("wb") as examples:
            for start in range(0, count, _PART):
                files = [_png(random, KINDS[kind]) for _ in range(min(_PART, count - start))]
                examples.write(frame([_example(file, row % 2) for row, file in enumerate(files)]))
                if split == "train":
                    _write_files(root / "files", files, start)
    _transform(root, kind)


def _png(random: np.random.Generator, settings: ImageSettings) -> bytes:
    """Smooth spots with some noise, which compress about as well as a photograph."""
    height, width, channels = settings.shape
    coarse = Image.fromarray(random.integers(0, 200, (height // 8, width // 8, 3), dtype=np.uint8))
    spots = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    pixels = spots + random.integers(0, 8, spots.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(file, "PNG")
    return file.getvalue()


def _write_files(folder: Path, files: list[bytes], start: int) -> None:
    for row, file in enumerate(files):
        path = folder / str(row % 2) / f"{start + row:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)


def _example(image: bytes, label: int) -> bytes:
    import tensorflow as tf

    columns = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=columns)).SerializeToString()


def _transform(root: Path, kind: str) -> None:
    examples, schema = standard_artifacts.Examples(), standard_artifacts.Schema()
    graph = standard_artifacts.TransformGraph()
    examples.uri, schema.uri, graph.uri = str(root / "examples"), str(root / "schema"), str(root / "transform")
    examples.split_names = '["train", "eval"]'
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(_SCHEMA, encoding="utf-8")
    context = BaseBeamExecutor.Context(beam_pipeline_args=BeamSettings().pipeline_args(), tmp_dir=str(root / "tmp"))
    Executor(context).Do(
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": [graph]},
        {
            "preprocessing_fn": "components.transform.preprocessing.preprocessing_fn",
            "custom_config": json_utils.dumps({"features": features(kind).model_dump_json()}),
            "disable_statistics": 1,
        },
    )
