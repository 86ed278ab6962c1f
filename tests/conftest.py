"""Services that tests share: started when the first test asks, stopped at the end of the session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import airflow_service
import flink_service
import mariadb_service
import postgres_service
import pytest
import s3_service


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_service.PostgresService]:
    """A PostgreSQL server; `postgres.fresh()` gives an empty database with a user and a password of its own."""
    if postgres_service.programs() is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    service = postgres_service.PostgresService()
    yield service
    service.close()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_service.MariadbService]:
    """A MariaDB server; `mariadb.fresh()` gives an empty database with a user and a password of its own."""
    if shutil.which("mariadbd") is None:
        pytest.skip("no MariaDB server: apt-get install mariadb-server")
    service = mariadb_service.MariadbService()
    yield service
    service.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[s3_service.S3]:
    """An S3-compatible server; `s3.bucket()` makes a bucket."""
    with s3_service.serving() as server:
        yield server


@pytest.fixture(scope="session")
def airflow(
    postgres: postgres_service.PostgresService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[airflow_service.Airflow]:
    """Airflow with the LocalExecutor; its tasks find the password of `airflow.metadata`, a database for ML Metadata."""
    if lacking := airflow_service.lacking():
        pytest.skip(lacking)
    airflow_service.make_environment()
    service = airflow_service.Airflow(tmp_path_factory.mktemp("airflow"), postgres.fresh(), postgres.fresh())
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flink_service.FlinkCluster]:
    """A Flink cluster: one JobManager and two TaskManagers; `flink.settings` is the `beam` section that names it."""
    if missing := flink_service.lacking():
        pytest.skip(missing)
    flink_service.fetch()
    cluster = flink_service.FlinkCluster(tmp_path_factory.mktemp("flink"))
    yield cluster
    cluster.stop()
