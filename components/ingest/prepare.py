"""The user's function that `data.prepare` names, applied to each batch."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pyarrow as pa

from schema.errors import HeadgateError, SettingsError

Prepare = Callable[[pa.RecordBatch], pa.RecordBatch]


def load(name: str) -> Prepare:
    """Imports `package.module:function`.

    Raises:
      SettingsError: there is no such module or function.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            "the function that prepares the data cannot be imported",
            where=f"data.prepare: {name}",
            expected="package.module:function, importable from where Headgate runs",
            received=f"{type(error).__name__}: {error}",
            fix="correct the name, or put the module's folder on PYTHONPATH",
        ) from error
    return found


def apply(prepare: Prepare, name: str, batch: pa.RecordBatch, where: str) -> pa.RecordBatch:
    """Runs the function on one batch.

    Raises:
      HeadgateError: it raised, or returned no record batch.
    """
    try:
        result = prepare(batch)
    except Exception as error:
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        at = f" ({last.tb_frame.f_code.co_filename}, line {last.tb_lineno})" if last else ""
        raise HeadgateError(
            "the function that prepares the data failed",
            where=f"data.prepare: {name}, on {where}",
            expected="a pyarrow.RecordBatch",
            received=f"{type(error).__name__}: {error}{at}",
            fix=f"correct the function; the batch has the columns {', '.join(batch.schema.names)}",
        ) from error
    if not isinstance(result, pa.RecordBatch):
        raise HeadgateError(
            "the function that prepares the data returned something else",
            where=f"data.prepare: {name}, on {where}",
            expected="a pyarrow.RecordBatch",
            received=f"{type(result).__name__}",
            fix="return `pyarrow.RecordBatch.from_arrays(...)`, or `batch.set_column(...)`",
        )
    return result
