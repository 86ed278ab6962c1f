"""What models for the edge are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from components.ingest import tfrecord


@dataclass(frozen=True)
class Source:
    """A trained model, and the data that it came from.

    Attributes:
      saved_model: folder of the SavedModel.
      transform_graph: folder of the TransformGraph artifact.
      files: TFRecord files by split.
    """

    saved_model: Path
    transform_graph: Path
    files: Mapping[str, Sequence[Path]]


def records(files: Sequence[Path]) -> Iterator[bytes]:
    """The serialized tf.Examples of TFRecord files, in order.

    Raises:
      DataError: a file is damaged.
    """
    return chain.from_iterable(chain.from_iterable(tfrecord.read_whole(path, 1024) for path in files))
