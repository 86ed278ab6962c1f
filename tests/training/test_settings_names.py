"""What the settings promise by name is what Keras has."""

from __future__ import annotations

from typing import get_args

import keras
import pytest

from components.label import Task
from components.models.settings import Activation
from components.training.compilation import metrics
from components.training.settings import WATCHED


@pytest.mark.parametrize("task", get_args(Task))
def test_the_metrics_that_training_watches(task):
    assert tuple(metric.name for metric in metrics(task)) == WATCHED[task]


@pytest.mark.parametrize("name", get_args(Activation))
def test_each_activation_is_one_of_keras_s(name):
    assert callable(keras.activations.get(name))
