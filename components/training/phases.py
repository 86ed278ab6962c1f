"""The phases of a training: one, or with `fine_tuning` a second after some layers were frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras

from components.training.settings import TrainingSettings
from schema.errors import SettingsError


@dataclass(frozen=True)
class Phase:
    """A part of the training with an optimiser of its own.

    Attributes:
      epochs: at most.
      learning_rate: at its first step.
      frozen: names of layers that do not learn, with `*` and `?`.
      thawed: names of layers that learn again.
    """

    epochs: int
    learning_rate: float
    frozen: tuple[str, ...] = ()
    thawed: tuple[str, ...] = ()

    def enter(self, network: keras.Model) -> None:
        """Freezes and thaws layers; the network is compiled afterwards.

        Raises:
          SettingsError: a name matches no layer, or nothing would be left to learn.
        """
        freeze(network, self.frozen)
        thaw(network, self.thawed)


def phases(training: TrainingSettings) -> list[Phase]:
    """The phases that the settings ask for, in order."""
    tuning = training.fine_tuning
    if tuning is None:
        return [Phase(training.epochs, training.learning_rate)]
    return [
        Phase(training.epochs, training.learning_rate, frozen=tuning.frozen),
        Phase(tuning.epochs, tuning.learning_rate, thawed=tuning.frozen),
    ]


def freeze(network: keras.Model, patterns: Sequence[str]) -> None:
    """Freezes layers: their weights stay, and batch normalisation among them uses the statistics that it has.

    Args:
      network: the network; layers of networks inside it have names of their own.
      patterns: names of layers, with `*` and `?`. That of a network inside means all of its layers.

    Raises:
      SettingsError: a pattern matches no layer, or nothing would be left to learn.
    """
    names = [layer.name for layer in _layers(network) if layer.weights]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SettingsError(
                f"No layer with weights is called `{pattern}`.",
                where="training.fine_tuning.frozen",
                expected=f"one of {', '.join(names)}",
                received=pattern,
            )
    for layer in _matching(network, patterns):
        layer.trainable = False
    if not network.trainable_weights:
        raise SettingsError(
            "All layers are frozen: nothing is left to learn.",
            where="training.fine_tuning.frozen",
            expected="layers that learn, such as `scores`",
            received=", ".join(patterns),
        )


def thaw(network: keras.Model, patterns: Sequence[str]) -> None:
    """Lets frozen layers learn again, but for batch normalisation: new statistics would undo what the others know.

    Args:
      network: the network.
      patterns: those that it was frozen by.
    """
    for layer in _matching(network, patterns):
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def _matching(network: keras.Model, patterns: Sequence[str], inside: bool = False) -> Iterator[keras.layers.Layer]:
    """Layers that match, or that are in a network that does; no networks themselves."""
    for layer in network.layers:
        matches = inside or _is_one_of(layer, patterns)
        if isinstance(layer, keras.Model):
            yield from _matching(layer, patterns, matches)
        elif matches:
            yield layer


def _is_one_of(layer: keras.layers.Layer, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(layer.name, pattern) for pattern in patterns)


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """All layers, those of networks inside too."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
