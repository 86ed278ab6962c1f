"""One training for all tests of the room."""

from __future__ import annotations

import pytest
from small_training import Trained, build

from components.evaluation.decision import CostRule
from components.evaluation.settings import AdversarialSettings

EVALUATION = {
    "decision": CostRule(rule="cost", false_positive=1, false_negative=20),
    "adversarial": AdversarialSettings(epsilon=0.1),
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return build(tmp_path_factory.mktemp("trained"), evaluation=EVALUATION)
