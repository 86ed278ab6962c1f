"""Runs a LiteRT file row by row, as a device does."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert


class Interpreter:
    """A LiteRT file, loaded.

    Args:
      content: of the file.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._loaded = self._load()

    @property
    def tensors(self) -> list[str]:
        """Names of all tensors in the graph."""
        return [each["name"] for each in self._loaded.get_tensor_details()]

    def scores(self, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        """Scores rows, each in a call of its own, in as many threads as there are processors.

        Args:
          rows: values by argument, [rows, ...].

        Returns:
          float32 [rows, units].
        """
        count = len(next(iter(rows.values())))
        workers = min(cpu_count() or 1, max(count, 1))
        parts = np.array_split(np.arange(count), workers)
        with ThreadPoolExecutor(workers) as pool:
            return np.concatenate(list(pool.map(lambda part: self._run({n: v[part] for n, v in rows.items()}), parts)))

    def _run(self, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        run = self._load().get_signature_runner()
        count = len(next(iter(rows.values())))
        found = [run(**{name: values[row : row + 1] for name, values in rows.items()}) for row in range(count)]
        return np.concatenate([each["scores"] for each in found])

    def _load(self) -> Any:
        return litert.Interpreter(model_content=self._content, num_threads=1)
