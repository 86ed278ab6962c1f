"""Magnitude pruning: the schedule, the masks, and a network that is pruned while it trains."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.edge.pruning import MagnitudePruning, kernels, smallest, sparsity


@given(
    arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-5, 5, width=32)),
    st.floats(0.01, 0.99),
)
def test_the_smallest_weights_go_first_and_as_many_as_asked_for(values, share):
    mask = smallest(values, share)
    assert (mask == 0).sum() == round(share * values.size)
    kept, gone = np.abs(values[mask == 1]), np.abs(values[mask == 0])
    assert not gone.size or not kept.size or gone.max() <= kept.min()


def test_the_schedule_rises_fast_then_slowly_and_then_stays():
    pruner = MagnitudePruning(0.8, steps=200)
    assert pruner.share(0) == 0
    assert pruner.share(50) == pytest.approx(0.7)  # 0.8 * (1 - (1 - 0.5)^3)
    assert pruner.share(100) == pruner.share(200) == pytest.approx(0.8)


@pytest.mark.parametrize("steps_per_execution", [1, 7])
def test_a_network_is_pruned_while_it_learns(steps_per_execution):
    random = np.random.default_rng(0)
    x = random.normal(size=(256, 8)).astype(np.float32)
    y = x[:, :1] * 2 - x[:, 1:2]  # two of eight columns matter
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", kernel_constraint=keras.constraints.MaxNorm(2)),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    network.compile("adam", "mean_squared_error", steps_per_execution=steps_per_execution)
    network.fit(x, y, batch_size=16, epochs=10, verbose=0)
    before = network.evaluate(x, y, verbose=0)
    own = network.layers[0].kernel.constraint
    network.compile("adam", "mean_squared_error", steps_per_execution=steps_per_execution)
    network.fit(x, y, batch_size=16, epochs=10, verbose=0, callbacks=[MagnitudePruning(0.5, steps=160)])
    assert sparsity(network) == pytest.approx(0.5, abs=0.01)
    assert [len(each.shape) for each in kernels(network)] == [2, 2]
    assert network.evaluate(x, y, verbose=0) < 2 * before
    assert network.layers[0].kernel.constraint is own
