"""The step `edge` on trained models: its settings, its artifact, and how it is run."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from small_training import Trained
from tfx.types import standard_artifacts

from components.artifacts import EdgeModels
from components.edge import record
from components.edge.component import EdgeExecutor
from components.edge.make import MakeSettings
from components.edge.settings import PruningSettings, Recipe
from components.edge.source import Source
from components.evaluation.config import eval_config
from components.evaluation.settings import EvaluationSettings
from components.models.settings import ConvolutionSettings, LayerSettings, ModelSettings
from components.training.tuned import FILE_NAME, with_values
from components.transform.settings import ColumnSettings, FeaturesSettings

NUMBERS = FeaturesSettings(
    columns={
        "miles": ColumnSettings(indicator=True),
        "fare": ColumnSettings(transform=("log", "zscore"), impute="median"),
        "latitude": ColumnSettings(transform=("minmax",)),
        "hour": ColumnSettings(type="int"),
    }
)

CNN = ModelSettings(
    build="cnn",
    convolutions=(ConvolutionSettings(filters=8, batch_normalization=True),),
    layers=(LayerSettings(units=16, dropout=0.1),),
)

UNITS = "model.layers.0.units"

PRUNED = PruningSettings(sparsity=0.6, epochs=2)

EVALUATION = EvaluationSettings.model_validate({"slices": {"hour": "hour"}, "thresholds": {"auc": {"min": 0.5}}})


@dataclass(frozen=True)
class Made:
    """A trained model, and what the step made of it."""

    trained: Trained
    settings: MakeSettings
    artifact: EdgeModels

    @property
    def folder(self) -> Path:
        return Path(self.artifact.uri)

    @property
    def variants(self) -> dict[str, record.Variant]:
        return {variant.name: variant for variant in record.read(str(self.folder))}

    @property
    def source(self) -> Source:
        folder = Path(self.trained.examples.uri)
        files = {split: sorted((folder / f"Split-{split}").iterdir()) for split in ("train", "eval", "test")}
        return Source(self.trained.model, Path(self.trained.transform_graph.uri), files)


def with_test_split(trained: Trained) -> Trained:
    """The rows that the trainer evaluated on are those to test on, too."""
    folder = Path(trained.examples.uri)
    shutil.copytree(folder / "Split-eval", folder / "Split-test")
    trained.examples.split_names = '["train", "eval", "test"]'
    return trained


def run(trained: Trained, folder: Path, **recipes: Recipe) -> Made:
    """The executor on real artifacts, as if tuning had found how many units the first dense layer has."""
    fit = trained.settings
    settings = MakeSettings(
        label=fit.label,
        model=fit.model,
        training=fit.training,
        features=fit.features,
        recipes=recipes,
        representative_rows=100,
    )
    model, tuned, artifact = standard_artifacts.Model(), standard_artifacts.HyperParameters(), EdgeModels()
    model.uri, tuned.uri, artifact.uri = str(trained.model.parent), str(folder / "tuned"), str(folder)
    folder.mkdir()
    Path(tuned.uri).mkdir()
    Path(tuned.uri, FILE_NAME).write_text(json.dumps({"values": {UNITS: settings.model.layers[0].units}}))
    EdgeExecutor().Do(
        {
            "examples": [trained.examples],
            "model": [model],
            "hyperparameters": [tuned],
            "transform_graph": [trained.transform_graph],
        },
        {"edge_models": [artifact]},
        {
            "settings": with_values(settings, {UNITS: 3}).model_dump_json(),
            "eval_config": json_format.MessageToJson(eval_config(EVALUATION, settings.label)),
        },
    )
    return Made(trained, settings, artifact)
