"""The command line: what each command prints, and how each kind of failure ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.history import History, RunRow
from pipeline.summary import ReleaseResult, SliceResult, StepResult, Summary
from schema.errors import DataError

PUSHED = Summary(
    "r1",
    "taxi",
    "pushed",
    steps=(StepResult("ingest", "complete", 1.0),),
    metrics={"auc": 0.93},
    slices=(SliceResult("day", "1", 200, {"auc": 0.9}),),
    release=ReleaseResult("taxi", 1, "/w/serving/taxi/1"),
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADGATE_WORKSPACE", str(tmp_path / "w"))

    def invoke(*arguments: str):
        return CliRunner().invoke(app, list(arguments))

    return invoke


@pytest.fixture
def outcome(monkeypatch):
    """Replaces the runner by one that comes to a given end; returns what it was called with."""
    calls = []

    def set_to(end):
        def run(loaded, workspace, *, from_step, to_step, cache, progress):
            calls.append((loaded, workspace, from_step, to_step, cache))
            progress.start("r1", loaded.settings.name, ["ingest"])
            progress.step_started("ingest")
            if isinstance(end, BaseException):
                workspace.log(loaded.settings.name, "r1").parent.mkdir(parents=True, exist_ok=True)
                raise end
            progress.finish(end)
            return end

        monkeypatch.setattr("pipeline.run.run", run)
        monkeypatch.setattr("pipeline.report.write.write", lambda workspace, run_id: [])
        return calls

    return set_to


def test_run_prints_lines_in_a_pipe_and_exits_with_the_summary_s_code(call, outcome):
    calls = outcome(PUSHED)
    result = call("run")
    assert result.exit_code == 0
    assert "ingest: started" in result.stdout
    assert "taxi: released" in result.stdout
    loaded, workspace, from_step, to_step, cache = calls[0]
    assert (loaded.settings.name, workspace.root.name, from_step, to_step, cache) == ("taxi", "w", None, None, True)


def test_run_hands_its_options_to_the_runner(call, outcome, tmp_path):
    calls = outcome(PUSHED)
    options = [
        "--set",
        "training.epochs=2",
        "-w",
        str(tmp_path / "v"),
        "--from",
        "train",
        "--to",
        "judge",
        "--no-cache",
    ]
    assert call("run", "classification", *options).exit_code == 0
    loaded, workspace, *others = calls[0]
    assert loaded.settings.training.epochs == 2
    assert workspace.root == tmp_path / "v"
    assert others == ["train", "judge", False]


@pytest.mark.parametrize(("status", "code"), [("not_blessed", 3), ("blocked", 4), ("failed", 1)])
def test_run_with_json_prints_one_object_and_nothing_else(call, outcome, status, code):
    outcome(replace(PUSHED, status=status))
    result = call("run", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["status"] == status
    assert result.stderr == ""


def test_run_ends_with_the_path_of_its_page(call, outcome, tmp_path):
    outcome(PUSHED)
    page = tmp_path / "w/reports/taxi/r1.html"
    assert call("run").stdout.splitlines()[-1] == f"report: {page}"
    assert json.loads(call("run", "--json").stdout)["report"] == str(page)
    assert json.loads(call("run", "--json", "--no-report").stdout)["report"] is None


def test_a_page_that_cannot_be_written_does_not_fail_the_run(call, outcome, monkeypatch):
    outcome(PUSHED)

    def full_disk(workspace, run_id):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.report.write.write", full_disk)
    result = call("run", "--json")
    assert (result.exit_code, json.loads(result.stdout)["report"]) == (0, None)
    assert result.stderr == "report: not written (OSError: [Errno 28] No space left on device)\n"


def test_an_error_is_told_on_stderr_with_its_exit_code(call, outcome):
    outcome(DataError("The file is empty.", where="in/trips.csv", fix="look at it"))
    result = call("run")
    assert result.exit_code == 4
    assert "The file is empty.\n  where: in/trips.csv\n  fix: look at it" in result.stderr
    assert "Traceback" not in result.output


def test_an_error_with_json_is_an_object(call, outcome):
    outcome(DataError("The file is empty.", where="in/trips.csv"))
    result = call("run", "--json")
    record = json.loads(result.stdout)
    assert result.exit_code == 4
    assert record["status"] == "blocked"
    assert record["error"]["what"] == "The file is empty."


def test_several_problems_with_json_are_a_list(call):
    record = json.loads(call("check", "--set", "trainin=1", "--set", "drif=1", "--json").stdout)
    assert [problem["received"] for problem in record["error"]["problems"]] == ["trainin", "drif"]


def test_an_unforeseen_failure_names_the_log_and_shows_no_trace(call, outcome, tmp_path):
    outcome(RuntimeError("boom\nat 0x1"))
    result = call("run")
    log = tmp_path / "w/logs/taxi/r1.log"
    assert result.exit_code == 1
    assert "The run failed in the step `ingest`." in result.stderr
    assert "RuntimeError: boom" in result.stderr
    assert str(log) in result.stderr
    assert "Traceback" not in result.output
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_an_unforeseen_failure_of_any_command_shows_no_trace(call, monkeypatch):
    monkeypatch.setattr("pipeline.doctor.examine", lambda root: 1 / 0)
    result = call("doctor")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert "HEADGATE_TRACE=1" in result.stderr
    assert "Traceback" not in result.output


def test_the_trace_can_be_asked_for(call, monkeypatch):
    monkeypatch.setattr("pipeline.doctor.examine", lambda root: 1 / 0)
    monkeypatch.setenv("HEADGATE_TRACE", "1")
    assert isinstance(call("doctor").exception, ZeroDivisionError)


def test_an_interrupt_ends_with_130(call, outcome):
    outcome(KeyboardInterrupt())
    result = call("run")
    assert result.exit_code == 130
    assert "goes on where this one stood" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "taxy"], "did you mean `taxi`?"),
        (["run", "--from", "trian"], "did you mean `train`?"),
        (["run", "--from", "train", "--to", "ingest"], "`train` comes after `ingest`"),
        (["run", "--set", "label.name=fare"], "the model would see the answer"),
        (["run", "--bogus"], "No such option: --bogus"),
        (["walk"], "No such command 'walk'"),
        (["show"], "There is no run to show."),
        (["schema", "show", "classification"], "has no schema yet"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_would_be_right(call, arguments, told):
    result = call(*arguments)
    assert result.exit_code == 2
    assert told.lower() in result.stderr.lower()


@pytest.mark.parametrize(
    "command",
    ["run", "check", "init", "demo", "runs", "show", "doctor", "schema show", "schema diff", "schema accept"],
)
def test_each_command_has_help_with_an_example(call, command):
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"\n    headgate {command}" in result.stdout


def test_runs_lists_and_show_details(call, monkeypatch):
    row = RunRow("r1", "taxi", "pushed", "2025-01-31T12:00:00Z", 31.5, 1, None, {"auc": 0.93})
    monkeypatch.setattr(History, "runs", lambda self, pipeline=None: [row])
    monkeypatch.setattr(History, "summary", lambda self, run_id: replace(PUSHED, run_id=run_id))
    table = call("runs").stdout
    assert table.splitlines()[1].split() == ["r1", "taxi", "pushed", row.started, "31.5", "1", "-", "auc=0.930"]
    assert json.loads(call("runs", "--json").stdout)[0]["metrics"] == {"auc": 0.93}
    assert "day: 1  200   0.900" in call("show").stdout
    assert json.loads(call("show", "r1", "--json").stdout)["slices"][0]["rows"] == 200


def test_a_workspace_without_runs_says_so(call):
    result = call("runs")
    assert result.exit_code == 0
    assert "No runs" in result.stdout
    assert json.loads(call("runs", "--json").stdout) == []


def program(*arguments: str, folder: Path, **options):
    command = [sys.executable, *options.pop("python", []), "-c", "from pipeline.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options)


HEAVY = ("tensorflow", "apache_beam", "tfx", "keras", "ml_metadata", "pyarrow", "sklearn")


def imported(stderr: str) -> set[str]:
    """Top-level packages in the output of `python -X importtime`."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in stderr.splitlines() if "|" in line}


def test_help_imports_nothing_heavy(tmp_path):
    result = program("--help", folder=tmp_path, python=["-X", "importtime"])
    assert result.returncode == 0
    assert not imported(result.stderr) & {*HEAVY, "pydantic", "rich", "yaml"}


def test_wrong_settings_are_told_before_anything_heavy_is_imported(tmp_path):
    result = program("run", "--set", "training.epochs=no", folder=tmp_path, python=["-X", "importtime"])
    assert result.returncode == 2
    assert not imported(result.stderr) & {*HEAVY}
    assert not list(tmp_path.iterdir())


def test_check_needs_no_tensorflow(tmp_path):
    result = program("check", folder=tmp_path, python=["-X", "importtime"])
    assert result.returncode == 0
    assert "preset taxi: good. 19 columns" in result.stdout
    assert "tips" in result.stdout.partition("Not used: ")[2]
    assert not imported(result.stderr) & {"tensorflow", "apache_beam", "tfx", "keras"}


def test_init_and_check_and_show_go_together(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{number * 0.5},{'abc'[number % 3]},{number % 2}\n" for number in range(90))
    Path("trips.csv").write_text("fare,company,label\n" + rows)
    drafted = call("init", "trips.csv")
    assert drafted.exit_code == 0
    assert "headgate check pipeline.yaml && headgate run pipeline.yaml" in drafted.stdout
    assert call("check", "pipeline.yaml").stdout == "pipeline.yaml: good. 3 columns in the data.\n"
    assert "batch_size: 32" in call("check", "pipeline.yaml", "--show").stdout
    record = json.loads(call("check", "pipeline.yaml", "--show", "--json").stdout)
    assert record["columns"] == ["fare", "company", "label"]
    assert record["settings"]["training"]["epochs"] == 20
    assert call("init", "trips.csv").exit_code == 2


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("evaluation.slices.z=compny", "did you mean `company`?"),
        ("data.split.by=driver", "no column `driver`"),
        ("data.path=nowhere.csv", "nowhere.csv"),
        ("data.prepare=nowhere:f", "cannot be found"),
    ],
)
def test_check_refuses_what_the_data_do_not_have(call, assignment, told):
    result = call("check", "--set", assignment)
    assert result.exit_code == 2
    assert told in result.stderr
