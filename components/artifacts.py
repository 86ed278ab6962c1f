"""The artifact types that stock TFX does not have."""

from __future__ import annotations

from tfx.types.artifact import Artifact, Property, PropertyType


class GateReport(Artifact):
    """Decision records of the data gate (`decisions.json`); `passed` is 1 or 0."""

    TYPE_NAME = "HeadgateGateReport"
    PROPERTIES = {"passed": Property(type=PropertyType.INT)}


class MonitorReport(Artifact):
    """The model in service, asked about the span at hand (`monitor.json`, `decisions.json`).

    `current/` and `reference/` hold statistics of its predictions and embeddings now and at training, for drift;
    `evaluation/` what TFMA found, where there are labels. `passed` is 1 or 0; `labelled` counts the rows that were
    asked about and have a label; `unlabelled` counts all that have none; `train` is 1 where a new model is asked for,
    whatever drift may find; `trainable` is 1 where nothing keeps it from being trained: all rows have their label, and
    no cooldown is on.
    """

    TYPE_NAME = "HeadgateMonitorReport"
    PROPERTIES = {
        "passed": Property(type=PropertyType.INT),
        "span": Property(type=PropertyType.INT),
        "labelled": Property(type=PropertyType.INT),
        "unlabelled": Property(type=PropertyType.INT),
        "train": Property(type=PropertyType.INT),
        "trainable": Property(type=PropertyType.INT),
    }


class DriftReport(Artifact):
    """Comparison of training data with a reference (`drift.json`, `decisions.json`).

    `passed` is 1 or 0, and so is `train`: whether a new model is trained, since the monitor or drift asks for it.
    """

    TYPE_NAME = "HeadgateDriftReport"
    PROPERTIES = {
        "passed": Property(type=PropertyType.INT),
        "train": Property(type=PropertyType.INT),
        "span": Property(type=PropertyType.INT),
        "compared": Property(type=PropertyType.INT),
        "drifted": Property(type=PropertyType.INT),
    }


class EdgeModels(Artifact):
    """Models for devices (`NAME.tflite`, `edge.json`), with TFMA's evaluation of each in `evaluation/NAME`."""

    TYPE_NAME = "HeadgateEdgeModels"
