"""A compiled pipeline on disk: a folder with all that it takes to run it a step at a time.

    FOLDER/pipeline.pb   TFX's intermediate representation (`tfx.orchestration.Pipeline`, binary), without a password
    FOLDER/bundle.json   where it runs, with which settings, on which code

Nothing here imports TFX: an orchestrator's worker reads a bundle for every step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.document import dump, parse
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from pipeline.steps import TRAINING, step_code
from schema.curation import curated_path
from schema.errors import SettingsError
from schema.remote.addresses import told
from serving.files import replace

IR, RECORD = "pipeline.pb", "bundle.json"
AGAIN = "compile it again: headgate compile"


@dataclass(frozen=True)
class BundleStep:
    """One step.

    Attributes:
      id: its name.
      upstream: ids of the steps that it waits for.
      conditions: what must hold for it to run: steps, each with the property of its report that must be 1.
      training: whether it may see a GPU.
    """

    id: str
    upstream: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    training: bool


@dataclass(frozen=True)
class Bundle:
    """A compiled pipeline.

    Attributes:
      pipeline: its name.
      workspace: folder that its runs write to.
      base: folder of the user's own code.
      file: the settings file; None for a preset.
      settings: all settings, defaults written out, `data.path` filled in.
      schema: the curated schema; None on first contact.
      schema_digest: SHA-256 of its content.
      code: fingerprint of each step's code.
      steps: the steps, in an order in which they can run.
      notes: what whoever looks at a run must know.
      headgate: version that compiled it.
      ir_digest: SHA-256 of `pipeline.pb`.
      folder: where it lies.
    """

    pipeline: str
    workspace: str
    base: str
    file: str | None
    settings: Mapping[str, Any]
    schema: str | None
    schema_digest: str | None
    code: Mapping[str, str]
    steps: tuple[BundleStep, ...]
    notes: tuple[str, ...]
    headgate: str
    ir_digest: str
    folder: Path = field(compare=False)

    def loaded(self, span: int | None = None) -> Loaded:
        """The settings, as if they had been read from their file.

        Args:
          span: to read in place of the one that they name.
        """
        settings = PipelineSettings.model_validate(self.settings)
        if span is not None:
            data = settings.data.model_copy(update={"span": span})
            settings = settings.model_copy(update={"data": data})
        text = dump(settings.model_dump(mode="json", by_alias=True))
        document = parse(text, f"the settings in {self.folder / RECORD}")
        return Loaded(settings, text, Path(self.base), Path(self.file) if self.file else None, document)

    def ir(self) -> Any:
        """The compiled pipeline, a `tfx.proto.orchestration.pipeline_pb2.Pipeline`.

        Raises:
          SettingsError: the file is not the one that the rest of the bundle came with.
        """
        from tfx.proto.orchestration import pipeline_pb2

        path = self.folder / IR
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.ir_digest:
            raise SettingsError("The compiled pipeline does not belong to its bundle.", where=str(path), fix=AGAIN)
        return pipeline_pb2.Pipeline.FromString(content)

    def refuse_other_code(self, settings: PipelineSettings, *steps: str) -> None:
        """Refuses to run steps whose code is another one than that which was compiled.

        Args:
          settings: the bundle's.
          *steps: ids.

        Raises:
          SettingsError: the code of one of them changed.
        """
        for step in steps:
            if step_code(step, settings) != self.code[step]:
                raise SettingsError(
                    f"The code of the step `{step}` is not the one that the pipeline was compiled with.",
                    where=str(self.folder),
                    expected=f"the code of Headgate {self.headgate}, and your own, as it was then",
                    fix=AGAIN,
                )

    def refuse_other_schema(self, settings: PipelineSettings) -> None:
        """Refuses to run with a curated schema that was edited, accepted or removed since.

        Raises:
          SettingsError: the schema is another one.
        """
        path = curated_path(settings.schema_, settings.name, Path(self.file) if self.file else None)
        if (_name(path), _digest(path)) != (self.schema, self.schema_digest):
            raise SettingsError(
                "The curated schema is not the one that the pipeline was compiled with.",
                where=_name(path) or self.schema,
                fix=AGAIN,
            )


def write(
    folder: Path,
    ir: Any,
    loaded: Loaded,
    schema: Path | None,
    code: Mapping[str, str],
    notes: Sequence[str],
    root: Path,
) -> Bundle:
    """Writes a bundle; one that is there is replaced.

    Args:
      folder: where to; made if need be.
      ir: the compiled pipeline (`tfx.proto.orchestration.pipeline_pb2.Pipeline`).
      loaded: its settings, `data.path` filled in.
      schema: the curated schema; None on first contact.
      code: fingerprint of each step's code.
      notes: what whoever looks at a run must know.
      root: the workspace's folder.

    Raises:
      SettingsError: the folder cannot be written to.
    """
    from pipeline.history.environment import describe_environment

    content = ir.SerializeToString(deterministic=True)
    bundle = Bundle(
        pipeline=loaded.settings.name,
        workspace=str(root),
        base=str(loaded.base),
        file=str(loaded.file) if loaded.file else None,
        settings=loaded.settings.model_dump(mode="json", by_alias=True),
        schema=_name(schema),
        schema_digest=_digest(schema),
        code=dict(code),
        steps=steps_of(ir),
        notes=tuple(notes),
        headgate=describe_environment()["headgate"] or "",
        ir_digest=hashlib.sha256(content).hexdigest(),
        folder=folder,
    )
    record = {name: value for name, value in asdict(bundle).items() if name != "folder"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / IR, content)
        replace(folder / RECORD, json.dumps(record, indent=1) + "\n")
    except OSError as error:
        raise SettingsError("The bundle cannot be written.", where=str(folder), received=error.strerror) from error
    return bundle


def read(folder: Path) -> Bundle:
    """Reads a bundle.

    Raises:
      SettingsError: there is none, or it is damaged, or another version of Headgate wrote it.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        steps = tuple(_step(each) for each in record.pop("steps"))
        notes = tuple(record.pop("notes"))
        return Bundle(**record, steps=steps, notes=notes, folder=folder)
    except FileNotFoundError as error:
        raise SettingsError(
            "There is no compiled pipeline.",
            where=str(folder),
            expected=f"a folder that `headgate compile` wrote, with {RECORD}",
            fix="headgate compile --airflow DIR writes one to DIR/PIPELINE",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise SettingsError("The bundle cannot be read.", where=str(path), received=told, fix=AGAIN) from error


def steps_of(ir: Any) -> tuple[BundleStep, ...]:
    """The steps of a compiled pipeline, in an order in which they can run."""
    nodes = [(node.pipeline_node.node_info.id, node.pipeline_node) for node in ir.nodes]
    return tuple(
        BundleStep(name, tuple(node.upstream_nodes), _conditions(node), name in TRAINING) for name, node in nodes
    )


def _conditions(node: Any) -> tuple[tuple[str, str], ...]:
    """The conditions of a node, all of which have the form `REPORT.property == 1`."""
    found = []
    for condition in node.inputs.conditionals.values():
        asked = condition.placeholder_expression.operator.compare_op
        if asked.op != asked.EQUAL or asked.rhs.value.int_value != 1:
            raise NotImplementedError(f"a condition of another form: {asked}")
        property_ = asked.lhs.operator.artifact_property_op
        [report] = node.inputs.inputs[property_.expression.operator.index_op.expression.placeholder.key].channels
        found.append((report.producer_node_query.id, property_.key))
    return tuple(found)


def _step(record: Mapping[str, Any]) -> BundleStep:
    conditions = tuple((step, property_) for step, property_ in record["conditions"])
    return BundleStep(record["id"], tuple(record["upstream"]), conditions, record["training"])


def _name(path: Path | None) -> str | None:
    return told(str(path)) if path else None


def _digest(path: Path | None) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None
