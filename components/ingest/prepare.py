"""The user's function that `data.prepare` names, applied to each batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.dotted import load_function
from components.ingest.chunks import Chunk, reasons, without
from components.ingest.conform import conform
from components.ingest.survey import Plan
from schema.errors import HeadgateError, raised_at

Prepare = Callable[[pa.RecordBatch], pa.RecordBatch]


def apply(prepare: Prepare, name: str, batch: pa.RecordBatch, where: str) -> pa.RecordBatch:
    """Runs the function on one batch.

    Raises:
      HeadgateError: it raised, or returned no record batch. An error of our kind comes through as it is.
    """
    try:
        result = prepare(batch)
    except HeadgateError:
        raise
    except (Exception, SystemExit) as error:
        raise HeadgateError(
            "The function that prepares the data failed.",
            where=f"data.prepare: {name}, on {where}",
            expected="a pyarrow.RecordBatch",
            received=f"{type(error).__name__}: {error}{raised_at(error)}",
            fix=f"correct the function; the batch has the columns {', '.join(batch.schema.names)}",
        ) from error
    if not isinstance(result, pa.RecordBatch):
        raise HeadgateError(
            "The function that prepares the data returned something else.",
            where=f"data.prepare: {name}, on {where}",
            expected="a pyarrow.RecordBatch",
            received=f"{type(result).__name__}",
            fix="return `pyarrow.RecordBatch.from_arrays(...)`, or `batch.set_column(...)`",
        )
    return result


def prepared(chunk: Chunk, path: Path, plan: Plan) -> Chunk:
    """The chunk, which has rows, with the columns of the whole input, after `data.prepare`."""
    batch, name = chunk.batch, plan.settings.data.prepare
    for column in plan.columns.keys() - set(batch.schema.names):
        batch = batch.append_column(column, pa.nulls(len(batch), plan.columns[column].arrow))
    if name is None:
        return Chunk(batch, chunk.lines, chunk.rejects, chunk.text)
    result = apply(load_function(name, "data.prepare"), name, batch, f"{path}, the batch from line {chunk.lines[0]}")
    types = {column: kind for column, kind in plan.settings.declared.items() if column in result.schema.names}
    batch, refused = conform(result, types, f"data.prepare: {name}")
    if len(batch) == len(chunk.lines):
        chunk = Chunk(batch, chunk.lines, chunk.rejects, chunk.text)
    else:  # which rows were dropped is not known
        lines = np.full(len(batch), chunk.lines[0])
        chunk = Chunk(batch, lines, chunk.rejects, lambda row: "(a row of the batch that starts here)")
    return without(chunk, path, reasons(result, refused, types))
