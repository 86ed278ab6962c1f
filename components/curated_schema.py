"""The schema step where there is a curated schema: TFX's ImportSchemaGen, with a cache that sees the file's content."""

from __future__ import annotations

from tfx.components.schema_gen.import_schema_gen import executor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_component_specs import ImportSchemaGenSpec


class CuratedSchemaSpec(ImportSchemaGenSpec):
    """Interface of the schema step."""

    PARAMETERS = {**ImportSchemaGenSpec.PARAMETERS, "fingerprint": ExecutionParameter(type=str)}


class CuratedSchema(BaseComponent):
    """Imports a schema file.

    To TFX's cache, ImportSchemaGen is the path of its file: an edited schema would never reach the gate.

    Args:
      schema_file: path of a schema as text proto.
      fingerprint: of its content.

    Outputs:
      schema: a Schema.
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executor.Executor)

    def __init__(self, schema_file: str, fingerprint: str) -> None:
        schema = Channel(type=standard_artifacts.Schema)
        super().__init__(CuratedSchemaSpec(schema_file=schema_file, fingerprint=fingerprint, schema=schema))
