"""One training for all tests of the room."""

from __future__ import annotations

import pytest
from small_training import Trained, build


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return build(tmp_path_factory.mktemp("trained"))
