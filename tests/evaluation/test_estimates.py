"""Metrics and their intervals: against scikit-learn, SciPy, the bootstrap, and the truth over many test splits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sk

from components.evaluation.depth import estimates
from components.evaluation.depth.metrics import Answers, measure
from components.evaluation.predictions import Model

SEEDS = 400


def binary(rng: np.random.Generator, rows: int = 400, threshold: float = 0.4) -> Answers:
    """A binary split of which a third is positive, and a model that knows something about it."""
    logit = rng.normal(-1, 1.5, rows)
    label = (rng.random(rows) < special.expit(logit)).astype(np.int64)
    scores = special.expit(logit + rng.normal(0, 0.7, rows)).astype(np.float32)
    return Answers("binary", label, Model(scores, threshold, rng.random(rows) < 0.8))


def multiclass(rng: np.random.Generator, rows: int = 500) -> Answers:
    logits = rng.normal(loc=[0.8, 0.3, 0, -0.5], size=(rows, 4))
    scores = special.softmax(2 * logits, axis=1)
    label = (scores.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    return Answers("multiclass", np.minimum(label, 3), Model(scores.astype(np.float32), 0.5, None))


def regression(rng: np.random.Generator, rows: int = 400) -> Answers:
    x = rng.gamma(3, 2, rows)
    scores = (x + rng.normal(0, 1, rows)).astype(np.float32)
    return Answers("regression", (x + rng.exponential(1, rows)).astype(np.float32), Model(scores, 0.5, None))


TASKS = {"binary": binary, "multiclass": multiclass, "regression": regression}


def values(answers: Answers) -> dict[str, float]:
    return {name: estimate.value for name, estimate in measure(answers).items()}


def test_the_metrics_of_a_binary_task_are_scikit_learn_s():
    answers = binary(np.random.default_rng(1))
    label, called, scores = answers.label, answers.called, answers.model.scores.astype(float)
    assert values(answers) == pytest.approx(
        {
            "binary_accuracy": sk.accuracy_score(label, called),
            "precision": sk.precision_score(label, called),
            "recall": sk.recall_score(label, called),
            "f1": sk.f1_score(label, called),
            "auc": sk.roc_auc_score(label, scores),
            "auc_pr": sk.average_precision_score(label, scores),
            "binary_crossentropy": sk.log_loss(label, scores),
            "calibration": scores.mean() / label.mean(),
            "fgsm_accuracy": answers.model.withstood.mean(),
        }
    )


def test_the_metrics_of_a_multiclass_task_are_scikit_learn_s():
    answers = multiclass(np.random.default_rng(1))
    label, called = answers.label, answers.called
    assert values(answers) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(label, called),
            "macro_precision": sk.precision_score(label, called, average="macro", zero_division=0),
            "macro_recall": sk.recall_score(label, called, average="macro"),
            "macro_f1": sk.f1_score(label, called, average="macro"),
            "categorical_crossentropy": sk.log_loss(label, answers.model.scores),
        },
        rel=1e-6,
    )


def test_the_metrics_of_a_regression_are_scikit_learn_s():
    answers = regression(np.random.default_rng(1))
    assert values(answers) == pytest.approx(
        {
            "mean_squared_error": sk.mean_squared_error(answers.label, answers.model.scores),
            "mean_absolute_error": sk.mean_absolute_error(answers.label, answers.model.scores),
            "calibration": answers.model.scores.mean() / answers.label.mean(),
        },
        rel=1e-5,
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_ranking_metrics_agree_with_scikit_learn_where_scores_are_equal(rows):
    positive = np.array([label for label, _ in rows])
    scores = np.array([score / 5 for _, score in rows], np.float32)
    if positive.all() or not positive.any():
        assert estimates.auc(positive, scores) is None
        assert estimates.auc_pr(positive, scores) is None
    else:
        assert estimates.auc(positive, scores).value == pytest.approx(sk.roc_auc_score(positive, scores))
        assert estimates.auc_pr(positive, scores).value == pytest.approx(sk.average_precision_score(positive, scores))


@pytest.mark.parametrize("task", TASKS)
def test_the_standard_errors_are_those_of_the_bootstrap(task):
    """The bootstrap knows no formula: it measures again on rows that were drawn anew."""
    rng = np.random.default_rng(3)
    answers = TASKS[task](rng)
    rows = answers.label.size
    drawn = [values(answers.at(rng.integers(0, rows, rows))) for _ in range(500)]
    for name, estimate in measure(answers).items():
        expected = np.std([each[name] for each in drawn])
        assert estimate.error == pytest.approx(expected, rel=0.15), name


@pytest.mark.parametrize("task", TASKS)
def test_paired_standard_errors_are_those_of_the_bootstrap(task):
    rng = np.random.default_rng(4)
    answers = TASKS[task](rng)
    scores = answers.model.scores
    worse = (0.8 * scores + 0.2 * rng.permutation(scores)).astype(np.float32)
    other = Answers(task, answers.label, Model(worse, answers.model.threshold, None))
    rows = answers.label.size
    drawn = []
    for _ in range(500):
        again = rng.integers(0, rows, rows)
        one, two = values(answers.at(again)), values(other.at(again))
        drawn.append({name: one[name] - two[name] for name in two})
    new, served = measure(answers), measure(other)
    for name in served:
        found = estimates.paired_error(new[name], served[name])
        assert found == pytest.approx(np.std([each[name] for each in drawn]), rel=0.15), name


@pytest.mark.parametrize("rows", [60, 400])
@pytest.mark.parametrize("task", TASKS)
def test_intervals_hold_the_true_value_as_often_as_they_say(task, rows):
    truth = values(TASKS[task](np.random.default_rng(0), 400_000))
    held = dict.fromkeys(truth, 0)
    for seed in range(SEEDS):
        for name, estimate in measure(TASKS[task](np.random.default_rng(seed), rows)).items():
            found = estimates.interval(estimate)
            held[name] += found.low <= truth[name] <= found.high
    share = {name: count / SEEDS for name, count in held.items()}
    # 0.95 is what is claimed; 400 splits tell it to 0.02, and for 60 rows a normal approximation is just that.
    lowest = 0.92 if rows > 60 else 0.84
    assert all(lowest <= each for each in share.values()), share


def test_wilson_s_interval_is_scipy_s():
    for hits, trials in [(0, 10), (3, 10), (10, 10), (870, 1000)]:
        expected = stats.binomtest(hits, trials).proportion_ci(method="wilson")
        assert estimates.wilson(hits / trials, trials, estimates.quantile(0.95)) == pytest.approx(tuple(expected))


def test_the_variance_of_auc_is_delong_s():
    """By the definition: every positive row against every negative one."""
    answers = binary(np.random.default_rng(5), 80)
    positive, scores = answers.label == 1, answers.model.scores
    wins = (scores[positive][:, None] > scores[~positive]) + 0.5 * (scores[positive][:, None] == scores[~positive])
    by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
    variance = by_positive.var(ddof=1) / by_positive.size + by_negative.var(ddof=1) / by_negative.size
    found = estimates.auc(positive, scores)
    assert found.error == pytest.approx(math.sqrt(variance))
    assert estimates.interval(found).method == "delong"


def test_the_interval_of_a_mean_is_the_textbook_s_on_the_scale_of_logarithms():
    losses = np.random.default_rng(6).exponential(size=200)
    found = estimates.interval(estimates.mean(losses))
    expected = stats.norm.interval(0.95, np.log(losses.mean()), stats.sem(losses) / losses.mean())
    assert (found.low, found.high) == pytest.approx(np.exp(expected))
    assert found.method == "normal"


def test_the_difference_of_two_means_is_the_paired_t_test_s():
    rng = np.random.default_rng(6)
    one, two = rng.exponential(size=(2, 300))
    found = estimates.difference(estimates.mean(one), estimates.mean(two))
    expected = stats.ttest_rel(one, two).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.02)


def test_perfect_ranking_is_not_taken_for_certainty():
    positive = np.arange(50) >= 40
    found = estimates.interval(estimates.auc(positive, positive.astype(np.float32)))
    assert (found.value, found.high, found.method) == (1, 1, "wilson")
    assert 0.6 < found.low < 0.9


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=50)
def test_intervals_of_shares_hold_the_value_and_stay_within_0_and_1(rows):
    positive, called = (np.array(each) for each in zip(*rows, strict=True))
    found = [
        estimates.share(positive == called),
        estimates.share_of(positive, called, fixed=False),
        estimates.f1(positive, called),
    ]
    for estimate in filter(None, found):
        bounds = estimates.interval(estimate)
        assert 0 <= bounds.low <= bounds.value + 1e-12
        assert bounds.value - 1e-12 <= bounds.high <= 1


def test_a_few_rows_that_one_model_alone_gets_right_prove_nothing():
    both = np.ones(60, bool)
    for lucky, sure in [(3, False), (10, True)]:
        worse = both.copy()
        worse[:lucky] = False
        found = estimates.difference(estimates.share(both), estimates.share(worse))
        assert found.value == pytest.approx(lucky / 60)
        assert (found.low > 0) == sure, found
        assert found.method == "bonett_price"


def test_equal_models_do_not_differ():
    found = measure(binary(np.random.default_rng(7)))
    for estimate in found.values():
        gap = estimates.difference(estimate, estimate)
        assert gap.low <= gap.value == 0 <= gap.high


@pytest.mark.parametrize("task", TASKS)
def test_one_row_has_no_standard_error_and_no_rows_have_no_metrics(task):
    answers = TASKS[task](np.random.default_rng(8), 1)
    assert not np.isfinite([each.error for each in measure(answers).values()]).any()
    assert measure(answers.at(np.array([], int))) == {}
