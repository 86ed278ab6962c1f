"""Whether a model in service does worse than at its release, as pure functions over metrics."""

import pytest

from components.monitor.drops import Part, drops
from components.monitor.settings import MonitorSettings

RELEASED = {"overall": {"auc": 0.98, "binary_accuracy": 0.96}, "slices": []}


def compared(now, rows=1000, error=0.01, **max_drop):
    """Metrics whose drop counts, and what chance explains of each."""
    bounds = MonitorSettings(max_drop=max_drop).drops("binary")
    part = Part(rows, now, dict.fromkeys(now, error))
    found = list(drops({("", ""): part}, RELEASED, 1000, bounds, min_slice_rows=50))
    return {each.metric for each in found if each.dropped}, {each.metric: each.chance for each in found}


def test_scores_that_all_move_keep_their_order_and_yet_decide_wrongly():
    """As images do under half the light: the AUC hardly falls, and nearly every row lies above the threshold."""
    assert compared({"auc": 0.95, "binary_accuracy": 0.37})[0] == {"binary_accuracy"}


def test_a_drop_counts_beyond_its_bound_and_beyond_chance():
    assert compared({"auc": 0.92, "binary_accuracy": 0.95})[0] == {"auc"}
    assert compared({"auc": 0.94, "binary_accuracy": 0.95})[0] == set()
    assert compared({"auc": 0.92, "binary_accuracy": 0.95}, error=0.05)[0] == set()


def test_several_metrics_share_the_risk_of_a_false_alarm():
    both = {"auc": 0.98, "binary_accuracy": 0.96}
    alone, shared = compared(both, auc=0.05)[1]["auc"], compared(both)[1]["auc"]
    assert alone == pytest.approx(1.645 * 0.01 * 2**0.5, rel=1e-3)
    assert shared == pytest.approx(1.960 * 0.01 * 2**0.5, rel=1e-3)
