"""One training of each kind for all tests of the room."""

from __future__ import annotations

import pytest
import small_images
from small_training import Trained, build

from components.evaluation.decision import CostRule
from components.evaluation.settings import AdversarialSettings
from components.models.settings import ConvolutionSettings, LayerSettings, ModelSettings

EVALUATION = {
    "decision": CostRule(rule="cost", false_positive=1, false_negative=20),
    "adversarial": AdversarialSettings(epsilon=0.1),
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A dense network on a table."""
    return build(tmp_path_factory.mktemp("trained"), evaluation=EVALUATION)


@pytest.fixture(scope="session")
def trained_on_images(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A convolutional network on images and two columns."""
    return build(
        tmp_path_factory.mktemp("trained_on_images"),
        small_images.rows(),
        features=small_images.WITH_COLUMNS,
        label=small_images.LABEL,
        sliced="gain",
        model=ModelSettings(
            build="cnn", convolutions=(ConvolutionSettings(filters=8),), layers=(LayerSettings(units=8),)
        ),
        epochs=4,
    )
