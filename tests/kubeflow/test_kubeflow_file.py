"""What `headgate compile --kubeflow` writes: Kubeflow's own package loads it, and it says what the DAG says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from kfp import components
from kubeflow_files import File
from small_pipeline import invoke

from pipeline.bundle import BundleStep
from pipeline.compilation import compile_for_kubeflow
from pipeline.runners.container import ROOT
from pipeline.runners.kubeflow import write
from pipeline.settings_file import load
from schema.errors import SettingsError

GATE, DRIFT, TRAIN = ("gate", "passed"), ("drift", "passed"), ("drift", "train")
STEPS = [
    BundleStep("ingest", (), (), training=False),
    BundleStep("in_service", ("ingest",), (), training=False),
    BundleStep("gate", ("ingest",), (), training=False),
    BundleStep("drift", ("gate", "in_service"), (GATE,), training=False),
    BundleStep("train", ("drift", "gate", "ingest"), (TRAIN, GATE, DRIFT), training=True),
    BundleStep("release", ("drift", "gate", "in_service", "train"), (DRIFT, TRAIN, GATE), training=False),
]


@pytest.fixture(scope="module")
def taxi(tmp_path_factory):
    """The whole taxi pipeline."""
    path = tmp_path_factory.mktemp("kubeflow") / "taxi.yaml"
    compile_for_kubeflow(load("taxi"), path)
    return path


@pytest.fixture
def written(tmp_path):
    """Writes a few steps with the settings of the taxi pipeline and some changes."""

    def compile_(*overrides, name="taxi.yaml"):
        loaded = load("taxi", overrides)
        write(STEPS, loaded.settings, loaded.text, tmp_path / name)
        return tmp_path / name

    return compile_


def test_kubeflows_package_loads_it(taxi):
    loaded = components.load_component_from_file(str(taxi))
    assert loaded.name == "taxi"
    assert loaded.pipeline_spec.schema_version == "2.1.0"


@pytest.mark.parametrize("name", ["taxi.yaml", "taxi.yml", "taxi.json"])
def test_the_name_says_yaml_or_json(written, name):
    path = written(name=name)
    components.load_component_from_file(str(path))
    assert path.read_text().lstrip().startswith("{") == name.endswith(".json")


def test_every_step_is_there_with_its_container(taxi):
    executors = File.read(taxi).executors
    steps = "ingest statistics schema in-service gate monitor drift transform train evaluate judge release"
    assert set(executors) == {"begin", *steps.split(), "finish"}
    for task, container in executors.items():
        assert container["image"] == "headgate:0.1.0"
        assert container["command"] == ["python", "-m", "pipeline.runners.kubeflow_step"]
        assert container["args"][0].replace("_", "-") == task


def test_conditions_are_those_of_the_dag(taxi):
    asked = {placed.name: placed.asks for placed in File.read(taxi).tasks()}
    for step in ("begin", "ingest", "statistics", "schema", "in-service", "gate", "finish"):
        assert asked.pop(step) == []
    assert asked.pop("monitor") == asked.pop("drift") == ["gate.passed"]
    for step in ("transform", "train", "evaluate", "judge", "release"):
        assert asked.pop(step) == ["gate.passed", "drift.passed", "drift.train"]
    assert not asked


def test_a_container_tells_what_conditions_ask_for(taxi):
    file = File.read(taxi)
    told = {
        task: [word for word in each["args"] if word in ("--passed", "--train")]
        for task, each in file.executors.items()
    }
    assert {task: words for task, words in told.items() if words} == {
        "gate": ["--passed"],
        "drift": ["--passed", "--train"],
    }


def test_the_order_is_that_of_the_dag(taxi):
    after = {placed.name: set(placed.task.get("dependentTasks", ())) for placed in File.read(taxi).tasks()}
    assert after["begin"] == set()
    assert after["ingest"] == {"begin"}
    assert after["statistics"] == {"ingest"}
    assert after["gate"] >= {"statistics", "schema"}
    assert after["judge"] >= {"evaluate", "train"}


def test_the_end_is_told_whatever_became_of_the_steps(taxi):
    [finish] = [placed for placed in File.read(taxi).tasks() if placed.name == "finish"]
    assert finish.task["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def test_parameters_have_defaults(taxi):
    parameters = File.read(taxi).spec["root"]["inputDefinitions"]["parameters"]
    assert {name: each["defaultValue"] for name, each in parameters.items()} == {
        "span": -1,
        "data_path": "",
        "epochs": 5,
    }


def test_nothing_is_taken_from_kubeflows_cache(taxi):
    for placed in File.read(taxi).tasks():
        assert not placed.task["cachingOptions"].get("enableCache")


def test_no_place_of_this_machine_is_named(taxi):
    text = taxi.read_text()
    for place in {ROOT, Path.cwd(), Path.home(), taxi.parent}:
        assert not re.search(rf"{re.escape(str(place))}/", text)
    assert "/opt/headgate/schema/taxi.pbtxt" in text, "the schema that the image has"


def test_no_password_is_in_it(written, monkeypatch):
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", "a-secret")
    path = written("metadata.url=postgresql://headgate@db:5432/headgate")
    assert "a-secret" not in path.read_text()
    assert "postgresql://headgate@db:5432/headgate" in path.read_text()


def test_image_and_workspace_are_those_of_the_settings(written):
    file = File.read(written("kubeflow.image=example.com/trips:7", "kubeflow.workspace=/mnt/w"))
    for container in file.executors.values():
        assert container["image"] == "example.com/trips:7"
        assert container["args"][1:3] == ["--workspace", "/mnt/w"]


def test_a_volume_and_secrets_reach_every_container(written):
    path = written("kubeflow.volume=headgate", "kubeflow.secrets={HEADGATE_METADATA_PASSWORD: headgate/password}")
    components.load_component_from_file(str(path))
    file = File.read(path)
    for task in file.executors:
        [mount] = file.of_kubernetes(task)["pvcMount"]
        assert (mount["constant"], mount["mountPath"]) == ("headgate", "/workspace")
        [secret] = file.of_kubernetes(task)["secretAsEnv"]
        assert secret["secretName"] == "headgate"
        assert secret["keyToEnv"] == [{"envVar": "HEADGATE_METADATA_PASSWORD", "secretKey": "password"}]


def test_without_them_the_file_is_one_document(written):
    assert len(list(yaml.safe_load_all(written().read_text()))) == 1


def test_limits_and_retries(written):
    path = written("kubeflow.cpu=1.5", "kubeflow.memory=8Gi", "kubeflow.gpus=1", "kubeflow.retries=4")
    file = File.read(path)
    for task, container in file.executors.items():
        resources = container["resources"]
        assert (resources["resourceCpuLimit"], resources["resourceMemoryLimit"]) == ("1.5", "8Gi")
        assert ("accelerator" in resources) == (task == "train")
    retries = {placed.name: placed.task.get("retryPolicy", {}).get("maxRetryCount") for placed in file.tasks()}
    assert retries.pop("finish") is None, "what a run came to does not change if it is asked again"
    assert set(retries.values()) == {4}


@pytest.mark.parametrize("setting", ["data.path", "artifacts", "data.root", "beam.prism"])
def test_a_place_of_this_machine_is_refused(tmp_path, setting):
    runner = ["beam.runner=prism"] if setting == "beam.prism" else []
    with pytest.raises(SettingsError) as refused:
        compile_for_kubeflow(load("taxi", [f"{setting}={tmp_path}/x", *runner]), tmp_path / "taxi.yaml")
    assert f"`{setting}` names a place on this machine, which a cluster does not have." in str(refused.value)
    assert f"{setting}: {tmp_path}/x" in str(refused.value)
    assert not (tmp_path / "taxi.yaml").exists()


@pytest.mark.parametrize("place", ["s3://bucket/in/span-{SPAN}/*.csv", "/workspace/in/span-{SPAN}/*.csv"])
def test_a_place_that_the_cluster_has_is_taken(tmp_path, place):
    compile_for_kubeflow(load("taxi", [f"data.path={place}"]), tmp_path / "taxi.yaml")
    assert place in File.read(tmp_path / "taxi.yaml").executor("begin")["args"][-1]


def test_files_beside_the_settings_are_looked_for_in_the_image(tmp_path):
    folder = tmp_path / "mine"
    (folder / "schema").mkdir(parents=True)
    (folder / "schema/taxi.pbtxt").write_text((ROOT / "schema/taxi.pbtxt").read_text())
    (folder / "taxi.yaml").write_text((ROOT / "pipeline/presets/taxi.yaml").read_text())
    compile_for_kubeflow(load(str(folder / "taxi.yaml")), tmp_path / "out.yaml")
    settings = yaml.safe_load(File.read(tmp_path / "out.yaml").executor("begin")["args"][-1])
    assert settings["schema"]["path"] == "/pipelines/schema/taxi.pbtxt"


def test_a_name_that_says_nothing_is_refused(written):
    with pytest.raises(SettingsError, match="does not say what to write") as refused:
        written(name="taxi.txt")
    assert "a name that ends in .yaml or .json" in str(refused.value)


def test_json_has_no_room_for_a_volume(written):
    with pytest.raises(SettingsError, match="no room for volumes"):
        written("kubeflow.volume=headgate", name="taxi.json")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    loaded = load("taxi")
    with pytest.raises(SettingsError, match="cannot be written"):
        write(STEPS, loaded.settings, loaded.text, tmp_path / "none/taxi.yaml")


def test_a_secret_is_named_never_given():
    with pytest.raises(SettingsError, match=r"kubeflow\.secrets"):
        load("taxi", ["kubeflow.secrets={HEADGATE_METADATA_PASSWORD: hunter2}"])


def test_the_command_says_what_it_wrote(tmp_path):
    file = tmp_path / "taxi.yaml"
    said = invoke(["compile", "taxi", "--kubeflow", str(file), "--json"])
    assert said.code == 0, said
    assert said.json == {"pipeline": "taxi", "file": str(file)}
    assert file.is_file()


@pytest.mark.parametrize("options", [[], ["--airflow", "dags", "--kubeflow", "taxi.yaml"]])
def test_a_pipeline_is_compiled_for_one_orchestrator(options):
    said = invoke(["compile", "taxi", *options])
    assert said.code == 2
    assert "expected: --airflow DIR or --kubeflow FILE" in said.stderr
