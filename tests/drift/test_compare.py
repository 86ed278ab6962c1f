"""The comparison of two spans, feature by feature."""

import json
import math
from typing import get_args

import numpy as np
import pytest
from small_statistics import column, statistics

from components.drift.compare import compare, decisions
from components.drift.settings import BoundSettings, DriftSettings, FeatureDriftSettings, Metric

RNG = np.random.default_rng(3)
FARE = RNG.lognormal(2, 0.5, 1000)
PAYMENT = RNG.choice(["cash", "card"], 1000).tolist()
LABEL = RNG.integers(0, 2, 1000)


def data(**changed):
    columns = {"fare": FARE, "payment": PAYMENT, "tipped": LABEL} | changed
    return statistics(**{name: rows for name, rows in columns.items() if rows is not None})


def drifts(current, reference=None, settings=None):
    found = compare(
        current,
        reference or data(),
        settings=settings or DriftSettings(),
        features=["fare", "payment"],
        label="tipped",
    )
    json.dumps([drift.metrics for drift in found], allow_nan=False)  # whatever comes in, no NaN comes out
    return {drift.feature: drift for drift in found}


def test_the_same_data_do_not_drift():
    found = drifts(data())
    assert sorted(found) == ["fare", "payment", "tipped"]
    assert not any(drift.drifted for drift in found.values())
    assert all(value == 0 for drift in found.values() for value in drift.metrics.values())


NUMERIC = {
    "missing",
    "jensen_shannon",
    "psi",
    "kolmogorov_smirnov",
    "wasserstein",
    "mean_shift",
    "spread_shift",
}
CATEGORICAL = {
    "missing",
    "l_infinity",
    "jensen_shannon",
    "psi",
    "hellinger",
    "chi_square",
    "new_values",
    "vanished_values",
    "value_length",
}


def test_each_type_has_its_measures():
    found = drifts(data())
    assert set(found["fare"].metrics) == set(found["tipped"].metrics) == NUMERIC
    assert set(found["payment"].metrics) == CATEGORICAL
    assert (found["fare"].type, found["payment"].type, found["tipped"].type) == ("numeric", "categorical", "numeric")
    assert {drift.group for drift in found.values()} == {"feature", "label"} and found["tipped"].group == "label"


def test_every_measure_can_have_a_bound():
    assert set(BoundSettings.model_fields) == NUMERIC | CATEGORICAL == set(get_args(Metric))


def test_rows_and_bins_are_recorded():
    found = drifts(data(payment=[*PAYMENT, "cash"], fare=[*FARE, 1.0], tipped=[*LABEL, 1]))
    assert (found["fare"].rows, found["fare"].reference_rows, found["fare"].bins) == (1001, 1000, 10)
    assert found["payment"].bins == 3  # both values, and what is not listed


def test_the_score_is_the_largest_share_of_a_bound():
    settings = DriftSettings(thresholds="fixed", bounds=BoundSettings(l_infinity=0.1, jensen_shannon=None))
    payment = drifts(data(payment=["cash"] * 300 + PAYMENT[300:]), settings=settings)["payment"]
    assert payment.bounds == {"missing": 0.02, "l_infinity": 0.1, "new_values": 0.02}
    assert payment.score == pytest.approx(payment.metrics["l_infinity"] / 0.1)
    assert drifts(data())["payment"].score == 0


def test_the_feature_furthest_above_its_bound_comes_first():
    found = compare(
        data(fare=FARE * 1.2, payment=["app"] * 1000),
        data(),
        settings=DriftSettings(),
        features=["fare", "payment"],
        label="tipped",
    )
    assert [drift.feature for drift in found] == ["payment", "fare", "tipped"]
    assert found[0].score > found[1].score > found[2].score


def test_columns_that_the_settings_do_not_name_are_left_alone():
    assert set(drifts(data(other=FARE * 9), data(other=FARE))) == {"fare", "payment", "tipped"}


def test_a_shifted_number_drifts():
    fare = drifts(data(fare=FARE * 3))["fare"]
    assert fare.drifted and fare.by == ("jensen_shannon",)
    assert "jensen_shannon 0." in fare.message and "> 0.01" in fare.message


def test_new_values_drift_and_are_named():
    payment = drifts(data(payment=["app"] * 200 + PAYMENT[200:]))["payment"]
    assert "new_values" in payment.by
    assert "'app' (20.0%)" in payment.message


def test_a_label_whose_classes_shift_drifts():
    label = drifts(data(tipped=[1] * 900 + [0] * 100))["tipped"]
    assert label.by[0] == "jensen_shannon"


def test_more_missing_values_drift():
    fare = drifts(data(fare=[None] * 100 + FARE.tolist()[100:]))["fare"]
    assert fare.metrics["missing"] == pytest.approx(0.1)
    assert fare.by == ("missing",)


def test_nan_counts_as_missing():
    fare = drifts(data(fare=[math.nan] * 100 + FARE.tolist()[100:]))["fare"]
    assert fare.metrics["missing"] == pytest.approx(0.1)


def test_the_measure_furthest_above_its_bound_comes_first():
    payment = drifts(data(payment=["app"] * 1000))["payment"]
    assert payment.by == ("jensen_shannon", "new_values", "l_infinity")


def test_bounds_and_action_of_one_feature_win_over_the_defaults():
    settings = DriftSettings(
        action="warn",
        features={"fare": FeatureDriftSettings(bounds={"jensen_shannon": None}, action="block")},
    )
    found = drifts(data(fare=FARE * 3), settings=settings)
    assert not found["fare"].drifted and found["fare"].action == "block"
    assert found["payment"].action == "warn"


def test_a_column_that_vanished_drifts_by_that_fact():
    fare = drifts(data(fare=None))["fare"]
    assert fare.by == ("vanished",) and fare.metrics == {}


def test_a_column_that_changed_its_type_drifts_by_that_fact():
    fare = drifts(data(fare=["much"] * 1000))["fare"]
    assert fare.by == ("type",)
    assert fare.message == "It is categorical now and was numeric."


def test_a_column_that_is_new_has_nothing_to_be_compared_with():
    fare = drifts(data(), data(fare=None))["fare"]
    assert not fare.drifted and fare.metrics == {}


def test_a_column_that_neither_has_does_not_drift():
    assert not drifts(data(fare=None), data(fare=None))["fare"].drifted


@pytest.mark.parametrize("kind", ["float", "string"])
def test_a_column_whose_values_are_all_missing_drifts_by_the_missing_ones(kind):
    nothing = column([None] * 1000, kind)
    assert drifts(data(fare=nothing))["fare"].metrics == {"missing": 1.0}
    assert drifts(data(fare=nothing))["fare"].by == ("missing",)
    assert drifts(data(), data(fare=nothing))["fare"].by == ("missing",)
    assert not drifts(data(fare=nothing), data(fare=nothing))["fare"].drifted


def test_data_without_rows_drift():
    nothing = statistics(fare=column([]), payment=column([], "string"), tipped=column([], "int"))
    assert {drift.by for drift in drifts(nothing).values()} == {("no_rows",)}
    assert not any(drift.drifted for drift in drifts(data(), nothing).values())


def test_constant_columns_drift_only_when_the_constant_changes():
    assert not drifts(data(fare=[1.0] * 1000), data(fare=[1.0] * 1000))["fare"].drifted
    for now, then in ((1.0, 2.0), (2.0, 1.0)):
        assert drifts(data(fare=[now] * 1000), data(fare=[then] * 1000))["fare"].by == ("jensen_shannon",)


def test_columns_of_infinities_are_compared_by_their_missing_values_alone():
    assert drifts(data(fare=[math.inf] * 1000))["fare"].metrics == {"missing": 0.0}


@pytest.mark.parametrize(("action", "outcome"), [("log", "pass"), ("warn", "warn"), ("block", "block")])
def test_the_action_decides_what_follows(action, outcome):
    found = drifts(data(fare=FARE * 3), settings=DriftSettings(action=action)).values()
    (decision,) = decisions(found, "span 0 (in service)")
    assert (decision.subject, decision.outcome) == ("fare", outcome)
    assert "drifted against span 0 (in service)" in decision.message
    assert decision.rule == f"drift:{next(iter(found)).by[0]}" and decision.bound.startswith("<= ")


def test_without_drift_there_is_one_decision_that_says_so():
    (decision,) = decisions(drifts(data()).values(), "span 0 (in service)")
    assert decision.outcome == "pass"
    assert decision.message == "3 features compared with span 0 (in service): none drifted."


def test_bounds_that_a_feature_leaves_out_are_those_of_the_section() -> None:
    settings = DriftSettings(
        bounds=BoundSettings(psi=0.5, missing=0.3),
        features={"fare": FeatureDriftSettings(bounds={"missing": 0.01, "l_infinity": None})},
    )
    assert settings.bounds_of("fare") == {"psi": 0.5, "missing": 0.01, "jensen_shannon": 0.01, "new_values": 0.02}
    assert settings.bounds_of("miles") == settings.bounds_of("fare") | {"missing": 0.3, "l_infinity": 0.05}
