"""Our comparison of two tables, for the benchmark `drift`. Imported by measuring processes only."""

from __future__ import annotations

import math

from components.drift.settings import BoundSettings, DriftSettings, FeatureDriftSettings
from pipeline.comparison import Terms, compare

_NAMES = {"wasserstein": "wasserstein", "jensenshannon": "jensen_shannon", "psi": "psi"}


def run(reference: str, current: str, metrics: dict[str, str], threshold: float) -> dict[str, float]:
    """Judges each column by the one metric that is named for it.

    Returns:
      The metric's value for each column, in Evidently's unit.

    Raises:
      RuntimeError: a verdict is not what value and threshold say.
    """
    bound = {"wasserstein": threshold, "jensen_shannon": _divergence(threshold), "psi": threshold}
    drift = DriftSettings(
        thresholds="fixed",
        bounds=BoundSettings(**dict.fromkeys(BoundSettings.model_fields)),
        features={
            column: FeatureDriftSettings(bounds={_NAMES[metric]: bound[_NAMES[metric]]})
            for column, metric in metrics.items()
        },
    )
    found = compare(reference, current, Terms(drift=drift))
    values = {each.feature: each.metrics[_NAMES[metrics[each.feature]]] for each in found.drifts}
    judged = {column for column, value in values.items() if value > bound[_NAMES[metrics[column]]]}
    if judged != set(found.drifted):
        raise RuntimeError(f"drifted: {sorted(found.drifted)}, by the values {sorted(judged)}")
    return {
        column: _distance(value) if metrics[column] == "jensenshannon" else value for column, value in values.items()
    }


def _divergence(distance: float) -> float:
    """Ours is the Jensen-Shannon divergence in bits, Evidently's its square root in nats."""
    return distance**2 / math.log(2)


def _distance(divergence: float) -> float:
    return math.sqrt(divergence * math.log(2))
