"""Magnitude pruning: while a network trains a little more, its smallest weights become zero and stay so.

The schedule is that of Zhu and Gupta, "To prune, or not to prune" (2017), https://arxiv.org/abs/1710.01878, equation 1,
from no zeros at all: sparsity(t) = final * (1 - (1 - t / ramp)^3). It prunes fast while there is much to spare and
slowly towards the end. After the ramp, the weights that are left make up for those that are gone.
"""

from __future__ import annotations

import math

import keras
import numpy as np

RAMP = 0.5
"""Share of the steps in which the sparsity rises."""

TIMES = 20
"""How often masks are renewed on the ramp."""


def kernels(network: keras.Model) -> list[keras.Variable]:
    """The weights that are pruned: what learns and has two dimensions or more, so no biases and no scales."""
    return [weight for weight in network.trainable_weights if len(weight.shape) > 1]


def sparsity(network: keras.Model) -> float:
    """Share of zeros among the weights that are pruned."""
    values = [weight.numpy() for weight in kernels(network)]
    return sum(int((value == 0).sum()) for value in values) / sum(value.size for value in values)


def smallest(values: np.ndarray, share: float) -> np.ndarray:
    """Finds the values nearest to zero.

    Args:
      values: any shape.
      share: how many, as a share of all, rounded.

    Returns:
      float32 of the same shape: 0 for the smallest, 1 for the others.

    >>> smallest(np.array([[0.5, -0.1], [0.2, -3.0]]), 0.5)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    count = round(share * values.size)
    mask = np.ones(values.size, np.float32)
    mask[np.argpartition(np.abs(values).ravel(), count - 1)[:count]] = 0
    return mask.reshape(values.shape)


class MagnitudePruning(keras.callbacks.Callback):
    """Raises the sparsity of each kernel as training goes on.

    Masks are constraints, which Keras applies after each update, within the compiled step: what is zero stays zero
    between two calls of this callback. The network must be compiled anew before: a step that was traced without masks
    would go on without them.

    Args:
      final: share of zeros in the end.
      steps: of the whole training.
    """

    def __init__(self, final: float, steps: int) -> None:
        super().__init__()
        self._final = final
        self._ramp = max(int(steps * RAMP), 1)
        self._every = max(self._ramp // TIMES, 1)
        self._next: float = self._every
        self._masks: list[_Mask] = []

    def share(self, step: int) -> float:
        """The share of zeros after a step."""
        return self._final * (1 - (1 - min(step / self._ramp, 1)) ** 3)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Puts a mask on each kernel."""
        self._masks = [_Mask(kernel) for kernel in kernels(self.model)]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Renews the masks when it is time to; one call may stand for many steps."""
        step = int(self.model.optimizer.iterations)
        if step >= self._next:
            for mask in self._masks:
                mask.renew(self.share(step))
            self._next = math.inf if step >= self._ramp else min(step + self._every, self._ramp)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Takes the masks off; the zeros stay."""
        for mask in self._masks:
            mask.take_off()


class _Mask(keras.constraints.Constraint):
    """Keeps some weights of a kernel at zero, besides any constraint that it has."""

    def __init__(self, kernel: keras.Variable) -> None:
        self._kernel = kernel
        self._own = kernel.constraint
        self._mask = keras.Variable(np.ones(kernel.shape, np.float32), trainable=False)
        kernel.constraint = self

    def __call__(self, w: keras.KerasTensor) -> keras.KerasTensor:
        return (self._own(w) if self._own else w) * self._mask

    def renew(self, share: float) -> None:
        self._mask.assign(smallest(self._kernel.numpy(), share))
        self._kernel.assign(self._kernel * self._mask)

    def take_off(self) -> None:
        self._kernel.constraint = self._own
