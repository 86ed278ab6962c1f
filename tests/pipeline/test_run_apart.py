"""Runs on a machine that says it has a GPU: the step that trains has a process of its own, and nobody notices."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from small_pipeline import sales, started

from components import gpus

pytestmark = pytest.mark.slow

OWN = """\
import json
import os
import pathlib
import signal

import keras
import tensorflow_transform as tft


def note(step):
    record = {"step": step, "process": os.getpid(), "devices": os.environ.get("CUDA_VISIBLE_DEVICES")}
    with pathlib.Path(__file__).with_name("notes.jsonl").open("a") as file:
        print(json.dumps(record), file=file)


def prepare(batch):
    note("ingest")
    return batch


def preprocessing_fn(inputs):
    note("transform")
    return {"amount": tft.scale_to_z_score(inputs["amount"].values[:, None])}


def build(inputs, head, settings):
    note("train")
    [each] = inputs
    tensor = keras.Input((each.width,), name=each.name)
    return keras.Model({each.name: tensor}, keras.layers.Dense(head.units, head.activation)(tensor))


def falls(*arguments):
    raise ValueError("the moon is full")


def wrong(inputs, head, settings):
    return "a network"


def killed(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path_factory, monkeypatch):
    """This machine's driver tells of a GPU."""
    tool = tmp_path_factory.mktemp("driver") / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.delenv(gpus.VARIABLE, raising=False)


@pytest.fixture
def own(released):
    """A pipeline whose functions note what they see."""
    (released.folder / "own_notes.py").write_text(OWN, encoding="utf-8")
    return released


def use(build: str, epochs: int = 1):
    def edit(settings):
        settings["features"] = {"columns": {"amount": {}}}
        settings["model"] = {"build": f"own_notes:{build}"}
        settings["training"].update(epochs=epochs)

    return edit


def notes(pipeline) -> dict[str, dict]:
    lines = (pipeline.folder / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    return {note.pop("step"): note for note in map(json.loads, lines)}


def ends(process: int) -> bool:
    """Whether a process is gone, a little later at the latest."""
    for _ in range(100):
        if not Path(f"/proc/{process}").exists() or "(zombie)" in Path(f"/proc/{process}/status").read_text():
            return True
        time.sleep(0.1)
    return False


def test_only_the_step_that_trains_sees_the_gpu(own, monkeypatch):
    def use_all(settings):
        use("build")(settings)
        settings["data"]["prepare"] = "own_notes:prepare"
        settings["features"]["preprocessing_fn"] = "own_notes:preprocessing_fn"

    monkeypatch.setenv(gpus.VARIABLE, "0")
    own.change(use_all)
    ended = own.run()
    assert ended.code == 0, ended
    noted = notes(own)
    assert noted["ingest"] == noted["transform"] == {"process": os.getpid(), "devices": "-1"}
    assert noted["train"]["process"] != os.getpid()
    assert noted["train"]["devices"] == "0"
    assert os.environ[gpus.VARIABLE] == "0"


def test_progress_and_log_are_those_of_one_process(own):
    own.change(use("build"))
    ended = own.command("run")
    assert ended.code == 0, ended
    lines = ended.stdout.splitlines()
    begin = lines.index("train: started")
    assert lines[begin + 1] == "train: in a process of its own"
    assert any(line.startswith("train: epoch 1/1 loss") for line in lines[begin:])
    assert "train: exporting the model" in lines
    log = Path(own.run().json["log"]).read_text(encoding="utf-8")
    assert log.count("INFO headgate.progress: epoch 1/1") == 1
    assert '{"message"' not in log


def test_a_training_that_is_cached_is_cached(own):
    own.change(lambda settings: settings["evaluation"]["thresholds"]["auc"].update(min=0.61))
    ended = own.run()
    assert ended.code == 0, ended
    assert ended.states["train"] == "cached"


def test_a_module_called_pipeline_beside_the_settings_is_the_user_s_alone(own):
    for name in ("pipeline", "components", "schema"):
        (own.folder / f"{name}.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    own.change(use("build"))
    ended = own.run()
    assert ended.code == 0, ended


def test_an_error_in_the_user_s_function_names_its_line(own):
    own.change(use("falls"))
    ended = own.run()
    assert (ended.code, ended.json["status"], ended.states["train"]) == (1, "failed", "failed")
    assert ended.json["error"].startswith("ValueError: the moon is full")
    assert "own_notes.py, line " in ended.json["error"]
    assert "in falls" in ended.json["error"]
    assert "the moon is full" in Path(ended.json["log"]).read_text(encoding="utf-8")


def test_an_error_of_ours_keeps_its_parts(own):
    own.change(use("wrong"))
    ended = own.run()
    assert (ended.code, ended.json["status"]) == (1, "failed")
    what, *parts = ended.json["error"].splitlines()
    assert what == "The network `own_notes:wrong` does not fit the label."
    assert [part.split(":")[0].strip() for part in parts] == ["where", "expected", "received"]


def test_a_process_that_is_killed_is_a_step_that_failed(own):
    own.change(use("killed"))
    ended = own.run()
    assert (ended.code, ended.json["status"], ended.states["train"]) == (1, "failed", "failed")
    assert "The process of the step `train` was killed." in ended.json["error"]
    assert "SIGKILL" in ended.json["error"]
    assert "batch_size" in ended.json["error"]

    own.change(use("build"))
    assert own.run().code == 0


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_process_ends_with_the_run(own, sent, code):
    own.change(use("build", epochs=100_000))
    own.span(2, sales(seed=2))
    with started(own, "train: epoch") as process:
        process.send_signal(sent)
        process.communicate(timeout=120)
        assert process.returncode == code
    assert ends(notes(own)["train"]["process"])
    assert own.history.runs()[0].status == "interrupted"
