"""ML Metadata on real database servers."""

from __future__ import annotations

from typing import Any

import pytest
from database_service import Database

pytestmark = pytest.mark.slow


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Any:
    """Each of the servers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(server: Any, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database on it; the environment has the password."""
    fresh = server.fresh()
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", fresh.password)
    return fresh


def test_a_server_forgets_nothing_when_it_is_killed(server: Any) -> None:
    database = server.fresh()
    server.ask("CREATE TABLE kept (number INT)", database.name)
    server.ask("INSERT INTO kept VALUES (7)", database.name)
    server.stop()
    server.start()
    assert server.ask("SELECT number FROM kept", database.name) == "7"
