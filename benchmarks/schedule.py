"""What Airflow costs a step, ours against TFX's own AirflowDagRunner.

Both sides run the same rows through a pipeline of their own in a real Airflow: LocalExecutor with two processes, on
PostgreSQL. A step's overhead is the time from the moment on which the scheduler queues its task until its executor,
the code that does the step's work, is made. What is a task with us and no step (`begin`, the branch, `finish`) is
counted whole, and shared among the steps.

Wall time: nearly all of it is spent in other processes than the one that is measured, and waiting for one another.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.harness import Result, Unavailable, compare

ROOT = Path(__file__).parents[1]
DAG = "sales"
BETWEEN = ("begin", "verdict", "finish")
TIMES = "HEADGATE_BENCHMARK_TIMES"
"""Environment variable with the file that the tasks note their times in."""
TASKS = (
    "SELECT task_id, extract(epoch from queued_dttm), extract(epoch from end_date) FROM task_instance "
    "WHERE queued_dttm IS NOT NULL"
)
TIMEOUT = 1800


def schedule(runs: int) -> Result:
    """Seconds a step on Airflow 3.3 against TFX's runner on Airflow 2.11.

    Raises:
      Unavailable: PostgreSQL is not installed.
    """
    if not _support("postgres_service").programs():
        raise Unavailable("schedule", "no PostgreSQL server: apt-get install postgresql")
    _support("airflow_service").make_environment()
    peer = peers.airflow()
    return compare(
        "schedule",
        _ours,
        lambda: _peer(Path(peer)),
        peer_name="TFX's AirflowDagRunner on Airflow 2.11",
        unit="s a step",
        runs=runs,
    )


def _ours() -> float:
    with _place() as (folder, postgres):
        pipeline = _support("small_pipeline").make(folder / "pipeline")
        pipeline.change(lambda settings: settings.update(name=DAG))
        service = _support("airflow_service").Airflow(folder / "airflow", postgres.fresh(), postgres.fresh())
        service.environment |= {"HEADGATE_PROGRAM": str(_program(folder)), TIMES: str(folder / "times")}
        try:
            service.start()
            compiled = pipeline.fresh("compile", "--airflow", str(service.dags))
            if compiled.code:
                raise RuntimeError(compiled.stderr)
            service.wait_for_dag(DAG)
            run = service.trigger(DAG)
            state = service.wait(DAG, run, TIMEOUT)
            return _overhead(state, service.database, postgres, folder / "times")
        finally:
            service.stop()


def _peer(python: Path) -> float:
    with _place() as (folder, postgres):
        _support("small_pipeline").make(folder / "pipeline")
        airflow, database = _support("airflow_service"), postgres.fresh()
        dags = folder / "dags"
        dags.mkdir()
        (dags / "sales.py").write_text("from benchmarks.schedule_peer import dag  # an airflow DAG\n", encoding="utf-8")
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # to import TFX takes longer than the default of 30 s
            "AIRFLOW__CORE__DAG_FILE_PROCESSOR_TIMEOUT": "600",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow.sqlalchemy(database),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
            "HEADGATE_BENCHMARK_FOLDER": str(folder),
            "PYTHONPATH": str(ROOT),
            TIMES: str(folder / "times"),
        }
        program = str(python.with_name("airflow"))
        _call([program, "db", "migrate"], environment)
        scheduler = airflow.spawn([program, "scheduler", "--skip-serve-logs"], environment, folder)
        try:
            _until(lambda: bool(postgres.ask("SELECT dag_id FROM serialized_dag", database.name)))
            _call([program, "dags", "trigger", DAG], environment)
            ended = "SELECT state FROM dag_run WHERE state IN ('success', 'failed')"
            _until(lambda: bool(postgres.ask(ended, database.name)))
            return _overhead(postgres.ask(ended, database.name), database, postgres, folder / "times")
        finally:
            scheduler.stdin.close()
            scheduler.wait(60)


def _overhead(state: str, database: Any, postgres: Any, times: Path) -> float:
    """Mean seconds a step between its being queued and the making of its executor."""
    if state != "success":
        raise RuntimeError(f"the run of the DAG ended as {state}")
    queued, ended = {}, {}
    for row in postgres.ask(TASKS, database.name).splitlines():
        task, since, until = row.split("|")
        queued[task], ended[task] = float(since), float(until)
    began: dict[str, float] = {}
    for line in times.read_text(encoding="utf-8").splitlines():
        task, moment = line.split()
        began.setdefault(task, float(moment))
    between = sum(ended[task] - queued[task] for task in BETWEEN if task in queued)
    return (sum(moment - queued[task] for task, moment in began.items()) + between) / len(began)


def note_executors() -> None:
    """From now on this process notes when a TFX executor is made, and for which task."""
    from tfx.dsl.components.base.base_executor import BaseExecutor

    made = BaseExecutor.__init__

    def noted(self: Any, *arguments: Any, **options: Any) -> None:
        with Path(os.environ[TIMES]).open("a", encoding="utf-8") as file:
            file.write(f"{os.environ['AIRFLOW_CTX_TASK_ID']} {time.time()}\n")
        made(self, *arguments, **options)

    BaseExecutor.__init__ = noted


def _program(folder: Path) -> Path:
    """`headgate`, but for the notes that it takes."""
    program = folder / "headgate"
    program.write_text(
        f"#!{sys.executable}\nfrom benchmarks.schedule import note_executors\n"
        "from pipeline.cli import main\n\nnote_executors()\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o700)
    return program


@contextmanager
def _place() -> Iterator[tuple[Path, Any]]:
    """A folder, and a PostgreSQL server."""
    postgres = _support("postgres_service").PostgresService()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder), postgres
    finally:
        postgres.close()


def _support(name: str) -> Any:
    """A module of the tests: both start the same services."""
    if (folder := str(ROOT / "tests/support")) not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _call(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("the peer's Airflow did not come to its end in time")
        time.sleep(1)
