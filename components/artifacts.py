"""The artifact types that stock TFX does not have."""

from __future__ import annotations

from tfx.types.artifact import Artifact, Property, PropertyType


class GateReport(Artifact):
    """Decision records of the data gate (`decisions.json`); `passed` is 1 or 0."""

    TYPE_NAME = "HeadgateGateReport"
    PROPERTIES = {"passed": Property(type=PropertyType.INT)}


class DriftReport(Artifact):
    """Comparison of training data with a reference (`drift.json`, `decisions.json`); `passed` is 1 or 0."""

    TYPE_NAME = "HeadgateDriftReport"
    PROPERTIES = {
        "passed": Property(type=PropertyType.INT),
        "span": Property(type=PropertyType.INT),
        "compared": Property(type=PropertyType.INT),
        "drifted": Property(type=PropertyType.INT),
    }


class EdgeModels(Artifact):
    """Models for devices (`NAME.tflite`, `edge.json`), with TFMA's evaluation of each in `evaluation/NAME`."""

    TYPE_NAME = "HeadgateEdgeModels"
