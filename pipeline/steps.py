"""The steps of the pipeline and the code that each depends on; nothing heavy is imported here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from components.fingerprint import code_fingerprint, user_modules
from pipeline.settings import PipelineSettings
from schema.remote import copies

_EVALUATION = (
    "components.evaluation.combine",
    "components.evaluation.config",
    "components.evaluation.decision",
    "components.evaluation.depth.metrics",
    "components.evaluation.evaluate",
    "components.evaluation.extracts",
    "components.evaluation.mean_loss",
    "components.evaluation.model_mean",
    "components.evaluation.output",
    "components.evaluation.predictions",
    "components.evaluation.on_parts",
    "components.evaluation.saved_model",
    "components.ingest.tfrecord",
    "components.parts",
)
"""Modules that compute metrics."""

CODE: dict[str, tuple[str, ...]] = {
    "ingest": ("components.ingest", "components.label", "components.measured", "schema.remote"),
    "statistics": (
        *("components.statistics", "components.profile", "components.feature_statistics"),
        *("components.ingest.tfrecord", "components.parts"),
    ),
    "schema": (),
    "in_service": (),
    "gate": (
        *("components.gate", "components.decisions", "components.feature_statistics"),
        *("components.ingest.rejects", "schema.curation"),
    ),
    "monitor": (
        *("components.monitor", "components.decisions", "components.feature_statistics", "components.profile"),
        *("components.log", "components.evaluation.results", "components.evaluation.settings", *_EVALUATION),
    ),
    "drift": (
        *("components.drift", "components.decisions", "components.feature_statistics", "components.log"),
        "components.parts",
    ),
    "transform": ("components.transform",),
    "tune": (
        *("components.tuning", "components.training", "components.models", "components.transform"),
        "components.label",
    ),
    "train": (
        *("components.training", "components.models", "components.transform", "components.label"),
        *("components.evaluation.decision", "components.evaluation.settings", "components.ingest.tfrecord"),
        *("components.monitor.profile", "components.monitor.columns", "components.monitor.basis"),
        *("components.monitor.calibration", "components.profile", "components.feature_statistics"),
    ),
    "edge": (
        *("components.edge", "components.training", "components.models", "components.transform", "components.label"),
        *_EVALUATION,
    ),
    "evaluate": _EVALUATION,
    "judge": (
        *("components.evaluation", "components.decisions"),
        *("components.edge.judging", "components.edge.record", "components.edge.settings"),
    ),
    "release": ("components.release", "components.edge.record", "serving"),
}
"""Modules whose change makes a step run again, by step, in the order of the pipeline."""

STEPS: tuple[str, ...] = tuple(CODE)

TRAINING = ("tune", "train")
"""The steps that may see a GPU."""

OPTIONAL: dict[str, str] = {"tune": "tuning", "edge": "edge"}
"""Steps that a pipeline has only where its settings have the section named here."""


def active_steps(sections: Mapping[str, object]) -> tuple[str, ...]:
    """The steps of a pipeline, in order.

    Args:
      sections: the settings' sections by name; one that is left out may be None.
    """
    return tuple(step for step in STEPS if step not in OPTIONAL or sections.get(OPTIONAL[step]) is not None)


def step_code(step: str, settings: PipelineSettings) -> str:
    """Fingerprints the code that a step depends on, the user's own functions and given weights included.

    Args:
      step: one of `STEPS`.
      settings: names the user's functions and files.

    Returns:
      SHA-256 in hexadecimal.
    """
    own: dict[str, Sequence[str | None]] = {
        "ingest": (settings.data.prepare,),
        "transform": (settings.features.preprocessing_fn,),
        "tune": (settings.features.preprocessing_fn, *settings.networks),
        "train": (settings.features.preprocessing_fn, *settings.networks),
        "edge": settings.networks,
    }
    code = code_fingerprint(*CODE[step], *user_modules(own.get(step, ())))
    if step not in TRAINING or settings.model.weights_file is None:
        return code
    weights = copies.fetch(str(settings.model.weights))
    if not weights.is_file():
        return code
    with weights.open("rb") as file:
        return hashlib.sha256(code.encode() + hashlib.file_digest(file, "sha256").digest()).hexdigest()


def step_codes(settings: PipelineSettings) -> dict[str, str]:
    """The fingerprint of each step of a pipeline, as `step_code` gives it."""
    return {step: step_code(step, settings) for step in active_steps(dict(settings))}


def run_fingerprint(settings: PipelineSettings, code: Mapping[str, str], input_fingerprint: str, schema: bytes) -> str:
    """Fingerprints everything that a run depends on: settings, data, curated schema, code.

    Args:
      settings: the pipeline's settings.
      code: fingerprints by step.
      input_fingerprint: of the input files.
      schema: content of the curated schema, empty where there is none.

    Returns:
      SHA-256 in hexadecimal. Two runs with the same fingerprint do the same work.
    """
    digest = hashlib.sha256()
    # Where a run is recorded changes nothing about it: that may move.
    for part in (settings.model_dump_json(exclude={"metadata"}), input_fingerprint, *code.values()):
        digest.update(part.encode() + b"\0")
    digest.update(schema)
    return digest.hexdigest()
