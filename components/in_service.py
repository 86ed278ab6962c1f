"""Which model is in service, and what it was trained on: a strategy for TFX's Resolver.

TFX's own LatestBlessedModelStrategy answers another question: a blessed model may never have been released, or may
have been rolled back since. What is in service stands in the serving directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.evaluation import blessing
from schema.remote import copies
from schema.remote.places import exists
from serving import files, releases
from serving.releases import Release


class InServiceStrategy(ResolverStrategy):
    """Picks artifacts of earlier runs by the manifest of the release in service.

    Args:
      serving_dir: the serving directory.
      model_name: name of the model in TensorFlow Serving.
    """

    def __init__(self, serving_dir: str, model_name: str) -> None:
        self._serving_dir = serving_dir
        self._model_name = model_name

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Resolves what a run is compared with.

        Args:
          store: ML Metadata; not needed.
          input_dict: `model`, `statistics`, `previous_span`, `spans` and `released`: every Model, ExampleStatistics and
            ModelBlessing of the pipeline so far; `examples`: the Examples of this run.

        Returns:
          `model`: the Model in service; `statistics`: those of its training data; `previous_span`: the statistics
          of the latest span before this run's; `spans`: the newest statistics of each other span; `released`: the
          first blessing of the model in service, with its metrics at release; `examples` as they came. Each but the
          last is empty where there is no such artifact, or its folder is gone.

        Raises:
          ReleaseError: the serving directory cannot be read.
        """
        release = releases.in_service(self._serving_dir, self._model_name)
        model = [artifact for artifact in input_dict["model"] if release and _is_released(artifact, release)][:1]
        statistics = [
            artifact
            for artifact in input_dict["statistics"]
            if release and model and artifact.uri == release.manifest.statistics_uri and exists(artifact.uri)
        ]
        return {
            "model": model,
            "statistics": statistics[:1],
            "previous_span": _previous_span(input_dict["previous_span"], input_dict["examples"]),
            "spans": _other_spans(input_dict["spans"], input_dict["examples"]),
            "released": _first_blessing(input_dict["released"], model),
            "examples": input_dict["examples"],
        }


def in_service(serving_dir: str | Path, model_name: str, examples: types.BaseChannel) -> Resolver:
    """The Resolver node `in_service`.

    Args:
      serving_dir: the serving directory.
      model_name: name of the model in TensorFlow Serving.
      examples: Examples of this run.

    Returns:
      A node with the outputs `model`, `statistics`, `previous_span`, `spans` and `released` (see InServiceStrategy),
      each of which may turn out empty.
    """
    return Resolver(
        strategy_class=InServiceStrategy,
        config={"serving_dir": str(serving_dir), "model_name": model_name},
        model=types.Channel(type=standard_artifacts.Model),
        statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
        previous_span=types.Channel(type=standard_artifacts.ExampleStatistics),
        spans=types.Channel(type=standard_artifacts.ExampleStatistics),
        released=types.Channel(type=standard_artifacts.ModelBlessing),
        examples=examples,
    ).with_id("in_service")


def _is_released(artifact: types.Artifact, release: Release) -> bool:
    """Whether an artifact is the model of a release, file by file.

    Its address alone would not do: where ML Metadata was deleted and begun anew, the numbers in addresses start
    again from 1.
    """
    if artifact.uri != release.manifest.model_uri:
        return False
    return files.digests(copies.fetch(path_utils.serving_model_path(artifact.uri))) == release.manifest.files


def _first_blessing(blessings: list[types.Artifact], model: list[types.Artifact]) -> list[types.Artifact]:
    """The blessing that the model was released with: later ones judge the same model by other rules."""
    found = (each for each in blessings for one in model if blessing.blesses(each, one))
    return sorted(found, key=lambda each: each.id)[:1]


def _previous_span(statistics: list[types.Artifact], examples: list[types.Artifact]) -> list[types.Artifact]:
    """The statistics of the latest span before that of the examples; the newest, where a span has several."""
    span = min((artifact.span for artifact in examples), default=0)
    earlier = [artifact for artifact in statistics if artifact.span < span and exists(artifact.uri)]
    return sorted(earlier, key=lambda artifact: (artifact.span, artifact.id))[-1:]


def _other_spans(statistics: list[types.Artifact], examples: list[types.Artifact]) -> list[types.Artifact]:
    """The newest statistics of each span but that of the examples, as far as they are still there."""
    own = {artifact.span for artifact in examples}
    there = [each for each in statistics if each.span not in own and exists(each.uri)]
    newest = {artifact.span: artifact for artifact in sorted(there, key=lambda artifact: artifact.id)}
    return [newest[span] for span in sorted(newest)]
