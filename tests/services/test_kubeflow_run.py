"""The commands in the file, run in the order and under the conditions that it says, lead to a release."""

from __future__ import annotations

import pytest
from kubeflow_files import File, run
from small_pipeline import make

from pipeline.history import History
from serving import releases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture
def compiled(tmp_path):
    """A small pipeline whose data lie in the workspace, as a file for Kubeflow."""
    pipeline = make(tmp_path / "sales")
    workspace = pipeline.workspace.ensure().root
    for number in (1, 2):
        if (pipeline.folder / f"span-{number}").exists():
            (pipeline.folder / f"span-{number}").rename(workspace / f"span-{number}")

    def settings(document):
        document["data"]["path"] = str(workspace / "span-{SPAN}/sales.csv")
        document["kubeflow"] = {"workspace": str(workspace)}

    pipeline.change(settings)
    said = pipeline.command("compile", "--kubeflow", str(tmp_path / "sales.yaml"))
    assert said.code == 0, said
    return pipeline, File.read(tmp_path / "sales.yaml")


def test_a_model_is_released(compiled, tmp_path):
    pipeline, file = compiled
    ran = run(file, "sales-run-1", tmp_path, epochs=2)
    assert ran.codes == dict.fromkeys(file.executors, 0), ran.said
    assert ran.said["finish"]["status"] == "pushed"
    assert releases.in_service(pipeline.workspace.serving, "sales").version == 1
    [row] = History(pipeline.workspace).runs()
    assert row.run_id == "sales-run-1"


def test_what_the_gate_holds_back_is_not_started(compiled, tmp_path):
    pipeline, file = compiled
    data = pipeline.workspace.root / "span-1/sales.csv"
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join([lines[0], *(line.rsplit(",", 1)[0] + ",1\n" for line in lines[1:])]))  # one class only
    ran = run(file, "sales-run-2", tmp_path)
    assert ran.said["gate"]["passed"] is False
    assert list(ran.codes)[-1] == "finish"
    assert not {"monitor", "drift", "train", "release"} & ran.codes.keys()
    assert ran.codes["finish"] == 4
    assert ran.said["finish"]["status"] == "blocked"
