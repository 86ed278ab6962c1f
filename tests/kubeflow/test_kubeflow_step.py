"""The program in the containers, where it does not get as far as a step."""

from __future__ import annotations

import pytest
import yaml

from pipeline.runners import kubeflow_step
from pipeline.settings_file import load


@pytest.mark.parametrize("step", ["ingest", "finish"])
def test_without_a_workspace_in_common_a_step_says_so(tmp_path, capsys, step):
    code = kubeflow_step.main([step, "--workspace", str(tmp_path), "--pipeline", "taxi", "--run-id", "r1"])
    assert code == 2
    said = capsys.readouterr().err
    assert "The pipeline that `begin` compiled is not in the workspace." in said
    assert "kubeflow.volume" in said


def test_a_parameter_that_is_no_good_is_told(tmp_path, capsys):
    words = ["begin", "--workspace", str(tmp_path), "--pipeline", "taxi", "--run-id", "r1", "--epochs", "0"]
    code = kubeflow_step.main([*words, "--settings", load("taxi").text])
    assert code == 2
    assert "training.epochs" in capsys.readouterr().err


def test_data_that_are_not_there_are_told(tmp_path, capsys):
    """`data_path` wins over the settings."""
    words = ["begin", "--workspace", str(tmp_path), "--pipeline", "taxi", "--run-id", "r1"]
    settings = load("taxi").text
    assert yaml.safe_load(settings)["data"]["path"] is None
    code = kubeflow_step.main([*words, "--data-path", f"{tmp_path}/none/*.csv", "--settings", settings])
    assert code == 2
    assert "none/*.csv" in capsys.readouterr().err
