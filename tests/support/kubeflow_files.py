"""Reads the files that Kubeflow would, and runs their containers' commands, as Kubeflow would, on this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass
class File:
    """The pipeline's part of a file.

    Attributes:
      spec: a `PipelineSpec`.
      platform: what only Kubernetes knows; empty in a file without it.
    """

    spec: dict[str, Any]
    platform: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> File:
        """Reads YAML or JSON, which is YAML too."""
        spec, *platform = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        return cls(spec, platform[0] if platform else {})

    def executor(self, task: str) -> dict[str, Any]:
        """The container of a task."""
        return self.spec["deploymentSpec"]["executors"][f"exec-{task}"]["container"]

    def of_kubernetes(self, task: str) -> dict[str, Any]:
        """What Kubernetes adds to the container of a task."""
        return self.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{task}"]

    @property
    def executors(self) -> dict[str, dict[str, Any]]:
        """All containers, by task."""
        found = self.spec["deploymentSpec"]["executors"]
        return {name.removeprefix("exec-"): each["container"] for name, each in found.items()}

    def tasks(self, component: Mapping[str, Any] | None = None, above: tuple[str, ...] = ()) -> Iterator[Placed]:
        """All tasks that have a container, outermost first, each with the conditions above it."""
        component = component or self.spec["root"]
        for name, task in component["dag"]["tasks"].items():
            condition = task.get("triggerPolicy", {}).get("condition")
            conditions = (*above, condition) if condition else above
            inner = self.spec["components"][task["componentRef"]["name"]]
            if "dag" in inner:
                yield from self.tasks(inner, conditions)
            else:
                yield Placed(name, task, conditions)


@dataclass
class Placed:
    """A task and the conditions under which it runs."""

    name: str
    task: dict[str, Any]
    conditions: tuple[str, ...]

    @property
    def asks(self) -> list[str]:
        """`step.output` of each condition."""
        return [
            re.fullmatch(r".*pipelinechannel--(.+)'\] == true", each)[1].replace("-", ".", 1)
            for each in self.conditions
        ]


@dataclass
class Ran:
    """A run of a file.

    Attributes:
      codes: exit code of each container that was started, in order.
      said: the last line of each.
    """

    codes: dict[str, int] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


def run(file: File, run_id: str, folder: Path, **parameters: Any) -> Ran:
    """Runs the containers' commands in order, each in a process of its own; conditions as the file has them.

    A task whose upstream failed is left out; one that waits for the end of the others runs in any case.
    """
    given = {
        name: each.get("defaultValue") for name, each in file.spec["root"]["inputDefinitions"]["parameters"].items()
    }
    ran = Ran()
    _dag(file, file.spec["root"], given | parameters, run_id, folder, ran)
    return ran


def _dag(
    file: File, component: Mapping[str, Any], given: Mapping[str, Any], run_id: str, folder: Path, ran: Ran
) -> bool:
    """Runs the tasks of a group; whether all that ran ended well."""
    waiting, outputs, fine = dict(component["dag"]["tasks"]), {}, True
    while waiting:
        name = next(each for each, task in waiting.items() if not waiting.keys() & set(task.get("dependentTasks", ())))
        task = waiting.pop(name)
        policy = task.get("triggerPolicy", {})
        inputs = {
            key: _value(value, given, outputs) for key, value in task.get("inputs", {}).get("parameters", {}).items()
        }
        if not fine and policy.get("strategy") != "ALL_UPSTREAM_TASKS_COMPLETED":
            continue
        if "condition" in policy and not _holds(policy["condition"], inputs):
            continue
        inner = file.spec["components"][task["componentRef"]["name"]]
        if "dag" in inner:
            fine = _dag(file, inner, inputs, run_id, folder, ran) and fine
        else:
            outputs[name] = _container(file, name, inner, inputs, run_id, folder, ran)
            fine = ran.codes[name] == 0 and fine
    return fine


def _value(value: Mapping[str, Any], given: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    if "componentInputParameter" in value:
        return given[value["componentInputParameter"]]
    if "taskOutputParameter" in value:
        return outputs[value["taskOutputParameter"]["producerTask"]][value["taskOutputParameter"]["outputParameterKey"]]
    return value["runtimeValue"]["constant"]


def _holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    name = re.fullmatch(r"inputs\.parameter_values\['(.+)'\] == true", condition)[1]
    return inputs[name] is True


def _container(
    file: File, name: str, component: Mapping[str, Any], inputs: Mapping[str, Any], run_id: str, folder: Path, ran: Ran
) -> dict[str, Any]:
    places = {key: folder / f"{name}-{key}" for key in component.get("outputDefinitions", {}).get("parameters", {})}

    def filled(word: str) -> str:
        for key, value in inputs.items():
            text = str(int(value)) if isinstance(value, float) else str(value)
            word = word.replace(f"{{{{$.inputs.parameters['{key}']}}}}", text)
        for key, place in places.items():
            word = word.replace(f"{{{{$.outputs.parameters['{key}'].output_file}}}}", str(place))
        return word.replace("{{$.pipeline_job_uuid}}", run_id)

    container = file.executor(name)
    assert container["command"][0] == "python"
    command = [sys.executable, *container["command"][1:], *map(filled, container["args"])]
    done = subprocess.run(list(map(filled, command)), capture_output=True, text=True, cwd=folder, timeout=300)
    ran.codes[name] = done.returncode
    lines = done.stdout.splitlines()
    ran.said[name] = json.loads(lines[-1]) if lines else done.stderr
    return {key: json.loads(place.read_text()) if place.exists() else None for key, place in places.items()}
