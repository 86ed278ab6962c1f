"""Describes a pipeline for Kubeflow Pipelines v2 and Vertex AI: one container a step, each a `headgate node`.

TFX's own KubeflowV2DagRunner cannot take this DAG (docs/kubeflow.md says why), so Kubeflow's `kfp` writes the file.
What it describes is read off the compiled TFX pipeline: the steps, their order, and the conditions between them.
"""

# No `from __future__ import annotations`: kfp reads the annotations of `pipeline` below as types.

import inspect
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from google.protobuf import json_format

from pipeline.bundle import BundleStep
from pipeline.runners.kubeflow_settings import KubeflowSettings
from pipeline.settings import PipelineSettings
from schema.errors import SettingsError

with warnings.catch_warnings():  # of kfp's own modules, which are deprecated here and there
    warnings.simplefilter("ignore")
    from kfp import compiler, dsl

BEGIN, FINISH = "begin", "finish"
"""What a run does before its first step, and after its last, whatever became of them."""

PROGRAM = ("python", "-m", "pipeline.runners.kubeflow_step")

LATEST = -1
"""Value of the parameter `span` for the span of the settings, or the latest."""

GPU = "nvidia.com/gpu"


def write(steps: Sequence[BundleStep], settings: PipelineSettings, document: str, file: Path) -> None:
    """Writes the description of a pipeline.

    Args:
      steps: its steps.
      settings: its settings.
      document: the same as YAML, as they hold in the containers.
      file: `.yaml` for Kubeflow Pipelines and Vertex AI; `.json`, which has no room for a volume or a Secret, for
        Vertex AI alone.

    Raises:
      SettingsError: the file cannot be written, or not what the settings ask for.
    """
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise SettingsError(
            "The file's name does not say what to write.",
            where=f"--kubeflow {file}",
            expected="a name that ends in .yaml or .json",
            received=f"the ending `{file.suffix}`" if file.suffix else "no ending",
        )
    if file.suffix == ".json" and (settings.kubeflow.volume or settings.kubeflow.secrets):
        raise SettingsError(
            "A .json file has no room for volumes and Secrets of Kubernetes.",
            where=f"--kubeflow {file}",
            expected="kubeflow.volume null and kubeflow.secrets empty, or a name that ends in .yaml",
            fix=f"write {file.with_suffix('.yaml')}",
        )
    made = _pipeline(steps, settings, document)
    try:
        if file.suffix == ".json":
            file.write_text(json.dumps(json_format.MessageToDict(made.pipeline_spec), indent=2, sort_keys=True))
        else:
            compiler.Compiler().compile(made, str(file))
    except OSError as error:
        raise SettingsError(
            "The file cannot be written.", where=f"--kubeflow {file}", received=error.strerror
        ) from error


def _pipeline(steps: Sequence[BundleStep], settings: PipelineSettings, document: str) -> Any:
    """The pipeline as kfp has it."""
    cluster = settings.kubeflow
    asked = [condition for each in steps for condition in each.conditions]
    order = {each.id: number for number, each in enumerate(steps)}

    def pipeline(span: int = LATEST, data_path: str = "", epochs: int = settings.training.epochs) -> None:
        run = {"run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER}
        finish = _component(FINISH, settings)(**run)
        with dsl.ExitHandler(_equipped(finish, cluster)), _Conditions() as conditions:
            begin = _component(BEGIN, settings, document)(**run, span=span, data_path=data_path, epochs=epochs)
            made = {BEGIN: _equipped(begin, cluster).set_retry(cluster.retries)}
            for step in steps:
                told = sorted({name for of, name in asked if of == step.id})
                holding = sorted(step.conditions, key=lambda condition: (order[condition[0]], condition[1]))
                conditions.move_to([made[of].outputs[name] for of, name in holding])
                task = _component(step.id, settings, outputs=told)(**run)
                task.after(*(made[before] for before in step.upstream or (BEGIN,)))
                if cluster.gpus and step.training:
                    task.set_accelerator_type(GPU).set_accelerator_limit(cluster.gpus)
                made[step.id] = _equipped(task, cluster).set_retry(cluster.retries)

    return dsl.pipeline(name=settings.name.replace("_", "-"))(pipeline)


class _Conditions:
    """The conditions, one in the other, under which tasks are being added."""

    def __init__(self) -> None:
        self._open: list[tuple[Any, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close(0)

    def move_to(self, outputs: Sequence[Any]) -> None:
        """Closes and opens conditions until exactly these outputs are asked to be true."""
        same = 0
        while same < min(len(outputs), len(self._open)) and self._open[same][0] is outputs[same]:
            same += 1
        self._close(same)
        for output in outputs[same:]:
            group = dsl.If(output == True)  # noqa: E712  kfp's operator
            group.__enter__()
            self._open.append((output, group))

    def _close(self, down_to: int) -> None:
        while len(self._open) > down_to:
            self._open.pop()[1].__exit__(None, None, None)


def _component(step: str, settings: PipelineSettings, document: str | None = None, outputs: Sequence[str] = ()) -> Any:
    """A container that runs a step.

    Args:
      step: a step's id, or `begin` or `finish`.
      settings: name the pipeline, the image and the workspace.
      document: the settings as YAML, for `begin`; it takes the run's parameters too.
      outputs: properties of the step's report that conditions ask for.
    """
    parameters: dict[str, Any] = {"run_id": str}
    if document is not None:
        parameters |= {"span": int, "data_path": str, "epochs": int}
    parameters |= {name: dsl.OutputPath(bool) for name in outputs}

    def container(*values: Any) -> Any:
        words = [step, "--workspace", settings.kubeflow.workspace, "--pipeline", settings.name]
        for name, value in zip(parameters, values, strict=True):
            words += [f"--{name.replace('_', '-')}", value]
        if document is not None:
            words += ["--settings", document]
        return dsl.ContainerSpec(image=settings.kubeflow.image, command=list(PROGRAM), args=words)

    # kfp reads a function's name and signature.
    container.__name__ = step
    container.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
            for name, kind in parameters.items()
        ]
    )
    return dsl.container_component(container)


def _equipped(task: Any, cluster: KubeflowSettings) -> Any:
    """The task with its volume, Secret and limits; what it computed is never taken from Kubeflow's cache."""
    task.set_caching_options(False)  # ML Metadata knows what may be reused, Kubeflow sees neither data nor code
    if cluster.cpu:
        task.set_cpu_limit(f"{cluster.cpu:g}")
    if cluster.memory:
        task.set_memory_limit(cluster.memory)
    if cluster.volume or cluster.secrets:
        task.platform_config["kubernetes"] = dict(_kubernetes(cluster))
    return task


def _kubernetes(cluster: KubeflowSettings) -> Iterator[tuple[str, Any]]:
    """The part of a task that only Kubernetes knows, as the package kfp-kubernetes writes it."""
    if cluster.volume:
        name = {"constant": cluster.volume, "pvcNameParameter": {"runtimeValue": {"constant": cluster.volume}}}
        yield "pvcMount", [{**name, "mountPath": cluster.workspace}]
    if cluster.secrets:
        yield "secretAsEnv", [_from_secret(variable, *place.split("/")) for variable, place in cluster.secrets.items()]


def _from_secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    keys = [{"secretKey": key, "envVar": variable}]
    return {"secretName": secret, "secretNameParameter": {"runtimeValue": {"constant": secret}}, "keyToEnv": keys}
