"""What a model looked like at training: its answers and embeddings on the eval split, and what its scores mean.

The profile travels in the exported model, as `assets.extra/profile/`, so that it is there wherever the model is:

    profile.json        rows, threshold, margin, calibration
    FeatureStats.pb     statistics of answers and embeddings (TFDV)
    basis.npz           mean and principal components of the embeddings, where the network has some

No row of the data is in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.label import LabelSettings
from components.monitor import basis as bases
from components.monitor import calibration as calibrations
from components.monitor import columns
from components.monitor.basis import Basis
from components.monitor.calibration import Calibration

FOLDER = Path("assets.extra", "profile")
"""Where it lies in a SavedModel. TensorFlow Serving leaves `assets.extra` alone."""

STATISTICS = "FeatureStats.pb"

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Profile:
    """What a model looked like at training.

    Attributes:
      rows: how many rows of the eval split it was taken from.
      threshold: the decision threshold, of a binary task.
      margin: rows no further than this from another answer are near the boundary.
      calibration: from the score of a binary task, or the confidence of a multiclass one, to a probability.
      basis: of the embeddings; None where the network has none.
      statistics: of answers and embeddings.
    """

    rows: int
    threshold: float
    margin: float
    calibration: Calibration | None
    basis: Basis | None
    statistics: statistics_pb2.DatasetFeatureStatisticsList

    def columns(self, scores: Floats, embeddings: Floats | None, label: LabelSettings) -> dict[str, columns.Array]:
        """Answers and embeddings of rows as columns that compare with those at training.

        Args:
          scores: [rows, units], finite.
          embeddings: [rows, width], finite.
          label: the `label` section.
        """
        found = columns.predictions(scores, label, self.threshold, self.margin)
        if self.basis is not None and embeddings is not None:
            found |= self.basis.columns(embeddings)
        return found


def make(
    label: LabelSettings,
    scores: Floats,
    truth: npt.NDArray[np.generic],
    embeddings: Floats | None,
    threshold: float,
) -> Profile | None:
    """Takes the profile of a model.

    Args:
      label: the `label` section.
      scores: of rows that it was not fitted to, [rows, units].
      truth: class index, or the number to predict, [rows].
      embeddings: [rows, width]; None where the network has none.
      threshold: of a binary task.

    Returns:
      The profile of the rows whose numbers are finite; None where there are none.
    """
    finite = usable(scores, embeddings)
    scores, truth = scores[finite], truth[finite]
    if not scores.size:
        return None
    distances = columns.distance(scores, label, threshold)
    plain = Profile(
        rows=len(scores),
        threshold=threshold,
        margin=float(np.quantile(distances, columns.NEAR_SHARE)) if distances.size else 0.0,
        calibration=_calibration(label, scores, truth),
        basis=None if embeddings is None else bases.fit(embeddings[finite]),
        statistics=statistics_pb2.DatasetFeatureStatisticsList(),
    )
    found = plain.columns(scores, None if embeddings is None else embeddings[finite], label)
    return replace(plain, statistics=columns.statistics(found))


def usable(scores: Floats, embeddings: Floats | None) -> npt.NDArray[np.bool_]:
    """Whether each row's numbers are finite, [rows]."""
    parts = [scores] if embeddings is None else [scores, embeddings]
    return np.logical_and.reduce([np.isfinite(part).all(axis=1) for part in parts])


def _calibration(label: LabelSettings, scores: Floats, truth: npt.NDArray[np.generic]) -> Calibration | None:
    match label.task:
        case "binary":
            return calibrations.fit(scores[:, 0], truth == 1)
        case "multiclass":
            return calibrations.fit(scores.max(axis=1), truth == scores.argmax(axis=1))
    return None


def write(profile: Profile, saved_model: Path) -> None:
    """Writes a profile into an exported model."""
    folder = saved_model / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "rows": profile.rows,
        "threshold": profile.threshold,
        "margin": profile.margin,
        "calibration": profile.calibration.plain() if profile.calibration else None,
    }
    (folder / "profile.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    (folder / STATISTICS).write_bytes(profile.statistics.SerializeToString(deterministic=True))
    if profile.basis is not None:
        bases.write(profile.basis, folder / "basis.npz")


def read(saved_model: Path) -> Profile | None:
    """Reads the profile of an exported model; None for one that was exported without."""
    folder = saved_model / FOLDER
    if not (folder / "profile.json").is_file():
        return None
    record = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
    basis = folder / "basis.npz"
    return Profile(
        rows=record["rows"],
        threshold=record["threshold"],
        margin=record["margin"],
        calibration=calibrations.from_plain(record["calibration"]) if record["calibration"] else None,
        basis=bases.read(basis) if basis.is_file() else None,
        statistics=statistics_pb2.DatasetFeatureStatisticsList.FromString((folder / STATISTICS).read_bytes()),
    )
