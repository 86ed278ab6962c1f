"""Airflow on this machine: its scheduler, DAG processor and API server, with the LocalExecutor and PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from database_service import Database
from server_process import free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache/airflow/bin/airflow"
GUARD = Path(__file__).with_name("guard.py")
SERVICES = (("scheduler", "--skip-serve-logs"), ("dag-processor",))
ENDED = ("success", "failed")


def lacking() -> str | None:
    """What must be installed before Airflow can run here."""
    if not (shutil.which("uv") or (ROOT / ".cache/uv/bin/uv").exists()):
        return "uv is not here: scripts/setup installs it"
    return None


class Airflow:
    """An Airflow that runs, and what tests ask of it by its REST API.

    Args:
      folder: for everything it writes; DAG folders go into `dags`.
      database: an empty PostgreSQL database for itself.
      metadata: another one, for ML Metadata: its password is in the environment of the tasks.
    """

    def __init__(self, folder: Path, database: Database, metadata: Database) -> None:
        self.folder = folder
        self.database = database
        self.metadata = metadata
        self.dags = folder / "dags"
        self.dags.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = self._environment(database)
        self._guards: list[subprocess.Popen[bytes]] = []
        self._session = requests.Session()

    def start(self) -> None:
        """Makes the tables, starts the services and waits until they answer."""
        self.command("db", "migrate")
        self._spawn("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
        for service in SERVICES:
            self._spawn(*service)
        self.wait_until(self._healthy, "Airflow did not start", 180)
        token = requests.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def stop(self) -> None:
        """Ends everything, running tasks too."""
        for guard in self._guards:
            guard.stdin.close()
        for guard in self._guards:
            guard.wait(timeout=30)

    def command(self, *arguments: str, timeout: int = 180) -> str:
        """Runs `airflow ARGUMENTS`, and returns what it printed."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def get(self, path: str, **query: Any) -> Any:
        """GET of the REST API."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST to the REST API."""
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """PATCH to the REST API."""
        return self._call("PATCH", path, json=body)

    def wait_for_dag(self, dag: str, timeout: float = 120) -> None:
        """Waits until the DAG processor has read a new DAG."""

        def there() -> bool:
            assert not (errors := self.get("importErrors")["import_errors"]), errors
            return self._session.get(f"{self.url}/api/v2/dags/{dag}", timeout=30).status_code == 200

        self.wait_until(there, f"the DAG {dag} was not found", timeout)

    def trigger(self, dag: str, configuration: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Starts a run by hand; returns its id."""
        body = {"logical_date": None, "conf": configuration or {}, **more}
        return self.post(f"dags/{dag}/dagRuns", body)["dag_run_id"]

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """All runs of a DAG, the oldest first."""
        return self.get(f"dags/{dag}/dagRuns", order_by="run_after")["dag_runs"]

    def wait_for_runs(self, dag: str, number: int, timeout: float = 120) -> list[dict[str, Any]]:
        """Waits until a DAG has so many runs; returns them, the oldest first."""
        self.wait_until(lambda: len(self.runs(dag)) >= number, f"{dag} has no {number} runs", timeout)
        return self.runs(dag)

    def state(self, dag: str, run: str) -> str:
        """The state of a run."""
        return self.get(f"dags/{dag}/dagRuns/{run}")["state"]

    def wait(self, dag: str, run: str, timeout: float = 300) -> str:
        """Waits for the end of a run; returns its state."""

        def ended() -> bool:
            return self.state(dag, run) in ENDED

        try:
            self.wait_until(ended, f"the run {run} did not end", timeout)
        except AssertionError as error:
            error.add_note(str(self.states(dag, run)))
            raise
        return self.state(dag, run)

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run by task."""
        instances = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {each["task_id"]: each for each in instances}

    def states(self, dag: str, run: str) -> dict[str, str]:
        """The state of each task."""
        return {name: task["state"] for name, task in self.tasks(dag, run).items()}

    def wait_for_task(self, dag: str, run: str, task: str, states: Sequence[str], timeout: float = 180) -> None:
        """Waits until a task is in one of these states."""
        self.wait_until(lambda: self.states(dag, run).get(task) in states, f"{task} came to none of {states}", timeout)

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        """What a task's log says."""
        events = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}")["content"]
        return "\n".join(f"{each.get('event')} {each.get('error_detail') or ''}" for each in events)

    def pool(self, name: str, slots: int) -> None:
        """Makes a pool."""
        self.post("pools", {"name": name, "slots": slots})

    def update_asset(self, name: str, extra: Mapping[str, Any]) -> None:
        """Tells Airflow that an asset has been updated."""
        [asset] = self.get("assets", name_pattern=name)["assets"]
        self.post("assets/events", {"asset_id": asset["id"], "extra": extra})

    def _environment(self, database: Database) -> dict[str, str]:
        sections = {
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "2",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "2",
            "DATABASE__SQL_ALCHEMY_CONN": sqlalchemy(database),
            "LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        }
        return {
            **os.environ,
            "AIRFLOW_HOME": str(self.folder),
            **{f"AIRFLOW__{name}": value for name, value in sections.items()},
            # The tasks call the project as it is here.
            "PYTHONPATH": str(ROOT),
            "HEADGATE_METADATA_PASSWORD": self.metadata.password,
        }

    def _spawn(self, *arguments: str) -> None:
        self._guards.append(spawn([str(PROGRAM), *arguments], self.environment, self.folder))

    def _healthy(self) -> bool:
        try:
            found = requests.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except requests.ConnectionError:
            return False
        return all(found[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=60, **arguments)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def wait_until(self, condition: Callable[[], bool], otherwise: str, timeout: float) -> None:
        """Waits until a condition holds, or fails."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"{otherwise}; see the logs in {self.folder}")
            time.sleep(0.5)


def spawn(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Starts a service whose end, and that of all it starts, is sure to come when its standard input is closed.

    Args:
      command: `airflow`, the service and its options.
      environment: its environment variables.
      folder: its current folder, which gets its log.
    """
    with (folder / f"{command[1]}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, GUARD, *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )


def sqlalchemy(database: Database) -> str:
    """The database's URL as Airflow wants it."""
    account = f"{database.user}:{database.password}"
    return f"postgresql+psycopg2://{account}@{database.host}:{database.port}/{database.name}"


def make_environment() -> None:
    """Installs Airflow, where that has not been done."""
    subprocess.run([ROOT / "scripts/airflow/setup"], check=True, timeout=600)
