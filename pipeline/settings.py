"""PipelineSettings: the whole settings file, typed, assembled from each room's own section."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from components.beam import BeamSettings
from components.drift.settings import DriftSettings
from components.edge.settings import EdgeSettings
from components.evaluation.settings import FGSM_ACCURACY, EvaluationSettings
from components.gate.settings import GateSettings
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from components.measured import measured
from components.models.settings import ONE_IMAGE, ModelSettings
from components.monitor.settings import MonitorSettings
from components.training.accelerator_settings import AcceleratorSettings
from components.training.settings import WATCHED, TrainingSettings
from components.transform.settings import FeaturesSettings
from components.tuning.settings import TuningSettings
from pipeline.airflow.settings import ScheduleSettings
from pipeline.alerts.settings import AlertSettings
from pipeline.metadata.settings import MetadataSettings
from pipeline.runners.kubeflow_settings import KubeflowSettings
from pipeline.watch.settings import WatchSettings
from pipeline.workspace import Workspace
from schema.section import Section
from schema.settings import SchemaSettings
from serving.settings import ReleaseSettings


class PipelineSettings(Section):
    """One pipeline, from data to release."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    """Names the pipeline, and the model in TensorFlow Serving unless `release.model` does."""
    data: DataSettings
    features: FeaturesSettings
    label: LabelSettings
    schema_: SchemaSettings = Field(SchemaSettings(), alias="schema")
    gate: GateSettings = GateSettings()
    monitor: MonitorSettings = MonitorSettings()
    drift: DriftSettings = DriftSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings | None = None
    """Search for better settings before training. Default: train with those in the file."""
    accelerator: AcceleratorSettings = AcceleratorSettings()
    evaluation: EvaluationSettings
    edge: EdgeSettings | None = None
    """Default: nothing is made for devices."""
    release: ReleaseSettings = ReleaseSettings()
    beam: BeamSettings = BeamSettings()
    metadata: MetadataSettings = MetadataSettings()
    alerts: AlertSettings = AlertSettings()
    watch: WatchSettings = WatchSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    kubeflow: KubeflowSettings = KubeflowSettings()

    artifacts: str | None = None
    """Where the steps' outputs lie: a folder, or an address such as `s3://bucket/prefix`; each pipeline has a folder of
    its own there. Default: in the workspace."""

    @property
    def served_as(self) -> str:
        """Name of the model in the serving directory."""
        return self.release.model or self.name

    def serving_dir(self, workspace: Workspace) -> str | Path:
        """The TensorFlow Serving directory, or its address."""
        return self.release.directory or workspace.serving

    @property
    def ingestion(self) -> IngestSettings:
        """What the ingest step needs to know."""
        return IngestSettings(
            data=self.data,
            columns=self.features.types,
            label=self.label,
            images=tuple(self.features.images),
            late_labels=self.monitor.labels == "late",
        )

    @property
    def drift_slices(self) -> tuple[tuple[str, ...], ...]:
        """The columns by whose values drift looks at slices of the rows; of several, by their combinations."""
        named = self.evaluation.slices
        return tuple(named[name].columns if name in named else (name,) for name in self.drift.slices)

    @property
    def networks(self) -> tuple[str, ...]:
        """Functions, or names, of all networks and steps that may be trained: those that tuning tries too."""
        space = self.tuning.space if self.tuning else {}
        tried = [value for path in ("model.build", "training.step") if path in space for value in space[path].values]
        return (self.model.build, self.training.step, *tried)

    @model_validator(mode="after")
    def _sections_agree(self) -> PipelineSettings:
        if self.label.name in self.features.raw:
            raise ValueError(f"the label `{self.label.name}` is among the features: the model would see the answer")
        self._evaluation_fits_the_task()
        self._metrics_exist()
        self._slices_are_countable()
        for name in measured(self.features.images):
            if name in self.features.columns:
                raise ValueError(f"features.columns: `{name}` is measured as data are read, and no request brings it")
        self._weights_fit_the_label()
        replicas = self.accelerator.replicas
        if replicas != "all" and self.training.batch_size % replicas:
            raise ValueError(
                f"training.batch_size: a multiple of the {replicas} replicas that share a batch; "
                f"received {self.training.batch_size}"
            )
        if self.edge:
            for misfit in self.edge.misfits(self.features, self.evaluation, self.label.task):
                raise ValueError(misfit)
        if self.tuning:
            for misfit in self.tuning.misfits(self.label.task, self.training.epochs):
                raise ValueError(misfit)
        self._network_fits_the_images()
        self._training_fits_the_inputs()
        return self

    def _network_fits_the_images(self) -> None:
        if self.model.build not in ONE_IMAGE or self.features.preprocessing_fn:
            return
        images = self.features.images
        if len(images) != 1:
            raise ValueError(f"model.build: `{self.model.build}` takes one image; received {list(images) or 'none'}")
        for image in images.values():
            self.model.check_image(*image.shape)

    def _evaluation_fits_the_task(self) -> None:
        task = self.label.task
        if task != "binary" and self.evaluation.decision != EvaluationSettings.model_fields["decision"].default:
            raise ValueError(
                f"evaluation.decision: only a binary task has a decision threshold; received a {task} task"
            )
        if task == "regression" and self.evaluation.adversarial:
            raise ValueError("evaluation.adversarial: a regression has no accuracy to measure under FGSM")

    def _slices_are_countable(self) -> None:
        for metric, drop in self.monitor.max_drop.items():
            for name in drop.slices:
                if name not in self.evaluation.slices:
                    raise ValueError(
                        f"monitor.max_drop.{metric}.slices: there is {list(self.evaluation.slices)}; received {name}"
                    )
        for column in self.evaluation.find_slices.columns:
            if column in self.features.images:
                raise ValueError(
                    f"evaluation.find_slices.columns: `{column}` is an image; name what was measured on it, such as "
                    f"`{column}_brightness`"
                )
        types = self.features.types | measured(self.features.images)
        for name, columns in zip(self.drift.slices, self.drift_slices, strict=True):
            cut = name in self.evaluation.slices and self.evaluation.slices[name].boundaries
            if cut or any(types.get(column) == "float" or column in self.features.images for column in columns):
                raise ValueError(f"drift.slices: `{name}` has no values to count; name text or whole numbers")
        for name, group in self.evaluation.slices.items():
            for column in group.columns:
                if types.get(column) == "float" and not group.boundaries:
                    raise ValueError(f"slice `{name}`: the float column `{column}` needs `boundaries`")
                if column in self.features.images:
                    raise ValueError(
                        f"slice `{name}`: `{column}` is an image; cut what was measured on it into ranges, such as "
                        f"`{{columns: {column}_brightness, boundaries: [0.3, 0.7]}}`"
                    )

    def _metrics_exist(self) -> None:
        task = self.label.task
        watched, judged = WATCHED[task], self.evaluation.metrics(task)
        bound = self.evaluation
        for rules, metrics, known in (
            ("evaluation.thresholds", bound.thresholds, judged),
            ("evaluation.change_thresholds", bound.change_thresholds, judged),
            ("evaluation.max_gap", bound.max_gap, watched),
            ("monitor.max_drop", self.monitor.max_drop, judged),
        ):
            for metric in metrics:
                if metric == FGSM_ACCURACY and not self.evaluation.adversarial and task != "regression":
                    raise ValueError(
                        f"{rules}: `{metric}` is computed where `evaluation.adversarial` is set: "
                        "add, for example, `adversarial: {epsilon: 0.1}`"
                    )
                if metric not in known:
                    kind = "metric that training watches" if metric in judged else "metric"
                    raise ValueError(f"{rules}: `{metric}` is no {kind} of a {task} task; there is {list(known)}")
        stopping = self.training.early_stopping
        monitors = [f"{split}{name}" for split in ("val_", "") for name in ("loss", *watched)]
        if stopping is not None and stopping.monitor not in monitors:
            raise ValueError(
                f"training.early_stopping.monitor: one of {monitors} in a {task} task; received {stopping.monitor}"
            )

    def _weights_fit_the_label(self) -> None:
        weights = self.training.class_weights
        if weights is not None and self.label.task == "regression":
            raise ValueError("training.class_weights: a regression has no classes")
        if isinstance(weights, dict) and set(weights) != {str(value) for value in self.label.values}:
            raise ValueError(
                f"training.class_weights: one weight for each of {[str(v) for v in self.label.values]}; "
                f"received {list(weights)}"
            )

    def _training_fits_the_inputs(self) -> None:
        training, features = self.training, self.features
        if training.augmentation is not None and not features.images:
            raise ValueError("training.augmentation: there are no images among the features; received columns only")
        numbers = features.images or any(not column.is_id or column.indicator for column in features.columns.values())
        if training.adversarial is not None and not numbers and not features.preprocessing_fn:
            raise ValueError("training.adversarial: there is no image and no number to move; received ids only")
        if training.fine_tuning is not None and self.model.weights is None and ":" not in self.model.build:
            raise ValueError("training.fine_tuning: frozen layers need `model.weights` to start from; received none")
        if training.label_smoothing and self.label.task == "regression":
            raise ValueError("training.label_smoothing: a regression has no classes")
        if training.label_smoothing and ":" in training.step:
            raise ValueError(
                f"training.label_smoothing: smooth the labels in the loss of your own; received `{training.step}`"
            )
