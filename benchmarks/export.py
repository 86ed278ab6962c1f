"""Models for the edge: int8 against float32, by the size of the file and by what a call costs on the device.

Both are made of the networks of the presets `images` and `mnist-cnn`, as they are before training: what a file takes,
and what a call costs, depends on the layers and not on the weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Result, compare, measure

LARGEST = 0.3
"""Of the float32 file, what the int8 file may take."""

CALLS = 200


def size(name: str, preset: str) -> Callable[[int], Result]:
    """A benchmark of files: MB of int8 against float32.

    Args:
      name: of the benchmark.
      preset: whose network is converted.
    """

    def run(runs: int) -> Result:
        """Converts in each run.

        Raises:
          RuntimeError: the int8 file takes more than `LARGEST` of the other.
        """
        result = compare(
            name,
            lambda: measure("benchmarks.export:megabytes", preset, "int8").value,
            lambda: measure("benchmarks.export:megabytes", preset, "float32").value,
            peer_name="float32",
            unit="MB",
            runs=runs,
        )
        if result.ours > LARGEST * result.peer:
            raise RuntimeError(f"int8 takes {result.ours:.3g} MB, more than {LARGEST} of {result.peer:.3g} MB")
        return result

    return run


def latency(name: str, preset: str, calls: int = CALLS) -> Callable[[int], Result]:
    """A benchmark of calls: CPU milliseconds of one image in LiteRT's interpreter, int8 against float32.

    Args:
      name: of the benchmark.
      preset: whose network is converted.
      calls: how many are measured in each run.
    """

    def run(runs: int) -> Result:
        """Converts once, and calls in each run."""
        with tempfile.TemporaryDirectory() as folder:
            files = {format_: str(Path(folder, format_)) for format_ in ("int8", "float32")}
            for format_, file in files.items():
                measure("benchmarks.export:write", preset, format_, file)
            return compare(
                name,
                lambda: measure("benchmarks.export:milliseconds", files["int8"], calls).value,
                lambda: measure("benchmarks.export:milliseconds", files["float32"], calls).value,
                peer_name="float32",
                unit="CPU ms",
                runs=runs,
            )

    return run


def megabytes(preset: str, format_: str) -> float:
    """Size of a file."""
    return len(_convert(preset, format_)) / 1e6


def write(preset: str, format_: str, file: str) -> None:
    """Writes a file."""
    Path(file).write_bytes(_convert(preset, format_))


def milliseconds(file: str, calls: int) -> float:
    """CPU milliseconds of a call with one image, in one thread, as the mean of `calls` after as many to warm up."""
    import time

    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(file, num_threads=1)
    run = interpreter.get_signature_runner()
    [(argument, details)] = run.get_input_details().items()
    image = np.random.default_rng(0).integers(0, 256, details["shape"]).astype(np.uint8)
    for _ in range(calls):
        run(**{argument: image})
    begin = time.process_time()
    for _ in range(calls):
        run(**{argument: image})
    return (time.process_time() - begin) / calls * 1000


def _convert(preset: str, format_: str) -> bytes:
    import numpy as np

    from components.edge.convert import convert, save
    from components.edge.inputs import from_pixels, raw_inputs
    from components.models.inputs import FeatureInput
    from components.models.registry import build_model
    from pipeline.settings_file import load

    settings = load(preset).settings
    features = [FeatureInput(name, image.shape) for name, image in settings.features.images.items()]
    network = build_model(features, settings.label, settings.model)
    inputs = raw_inputs(settings.features)
    random = np.random.default_rng(0)
    rows = {each.argument: random.integers(0, 256, (100, *each.shape[1:])).astype(np.uint8) for each in inputs}
    with tempfile.TemporaryDirectory() as folder:
        save(network, from_pixels(inputs), inputs, Path(folder))
        return convert(Path(folder), "int8" if format_ == "int8" else "float32", rows)
