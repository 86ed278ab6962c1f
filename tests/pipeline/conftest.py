"""One released pipeline for all tests that start from a release."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from small_pipeline import SETTINGS, Ended, Pipeline, Snapshot, make, own_code_forgotten
from warm_process import Warm


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, Ended, Snapshot]:
    pipeline = make(tmp_path_factory.mktemp("released") / "sales")
    with own_code_forgotten(pipeline.folder):
        ended = pipeline.run()
    assert ended.code == 0, ended
    return pipeline, ended, Snapshot(pipeline.folder)


@pytest.fixture(scope="session")
def first_run(_first: tuple[Pipeline, Ended, Snapshot]) -> Ended:
    """How the run ended that released version 1."""
    return _first[1]


@pytest.fixture
def released(_first: tuple[Pipeline, Ended, Snapshot]) -> Iterator[Pipeline]:
    """A pipeline whose version 1 is in service, as that run left it. Tests may change all of it."""
    pipeline, _, snapshot = _first
    snapshot.put_back()
    with own_code_forgotten(pipeline.folder):
        yield pipeline


@pytest.fixture(scope="session")
def _settled(_first: tuple[Pipeline, Ended, Snapshot]) -> tuple[Pipeline, Snapshot]:
    pipeline, _, first = _first
    first.put_back()
    with own_code_forgotten(pipeline.folder):
        pipeline.change(lambda settings: settings["evaluation"]["thresholds"]["auc"].update(min=0.61))
        ended = pipeline.run()
    assert (ended.code, ended.json["release"]["version"]) == (0, 1), ended
    return pipeline, Snapshot(pipeline.folder)


@pytest.fixture
def settled(_settled: tuple[Pipeline, Snapshot]) -> Iterator[Pipeline]:
    """Like `released`, after one more run, in which the model in service was the baseline and drift's reference."""
    pipeline, snapshot = _settled
    snapshot.put_back()
    with own_code_forgotten(pipeline.folder):
        yield pipeline


@pytest.fixture
def new(tmp_path) -> Iterator[Callable[..., Pipeline]]:
    """Makes a pipeline that has never run."""
    with own_code_forgotten(tmp_path):
        yield lambda settings=SETTINGS: make(tmp_path / "sales", settings)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process that forks for each command, to something that happens to it."""
    warm = Warm()
    yield warm
    warm.close()
