"""Chicago taxi trips: the 15,002 of TFX's own example, which are installed with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from pydantic import Field, model_validator

from data.deal import DealtSettings, deal
from data.source import Found
from schema.errors import DataError, SettingsError

LABEL = "big_tip"
TIME = "trip_start_timestamp"
FILE = "trips.csv"
_INSTALLED = "examples/chicago_taxi_pipeline/data/simple/data.csv"


def trips() -> Path:
    """Finds the trips among TFX's installed files, without importing TFX (which takes 20 seconds).

    Raises:
      DataError: TFX is not installed, or without its examples.
    """
    package = importlib.util.find_spec("tfx")
    for folder in (package.submodule_search_locations if package else None) or ():
        if (path := Path(folder, _INSTALLED)).is_file():
            return path
    raise DataError(
        "The taxi trips are not there.",
        where=f"tfx/{_INSTALLED} in this Python environment",
        fix="install TFX as requirements.lock has it (scripts/setup), or name your own file: --set data.path=FILE",
    )


def source(directory: Path) -> Found:
    """The data source `taxi`: the installed file itself, nothing is copied."""
    del directory
    return Found(str(trips()))


def label_big_tips(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Adds the label: 1 where the tip is more than a fifth of the fare, else 0 (int64).

    A missing tip or fare counts as zero, as in `tfx.examples.chicago_taxi_pipeline.taxi_utils`; a fare that is
    not a number gives 0.

    Raises:
      DataError: a column that it needs is missing, or is no number.
    """
    tips, fare = (pc.fill_null(_number(batch, name), 0.0) for name in ("tips", "fare"))
    # Nothing compares with NaN, so such a fare gives false. In float32, as in TFX's example.
    big = pc.greater(tips, pc.multiply(fare, pa.scalar(0.2, pa.float32())))
    return cast(pa.RecordBatch, batch.append_column(LABEL, big.cast(pa.int64())))


def _number(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name not in batch.schema.names:
        raise DataError(
            f"The label `{LABEL}` is computed from the column `{name}`, which is not there.",
            expected="columns tips and fare",
            received=", ".join(batch.schema.names),
            fix="name another label, or leave data.prepare out where the data have their label already",
        )
    column = batch.column(name)
    try:
        return column.cast(pa.float32(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"Column `{name}` holds something that is no number.", received=str(error)) from error


class TripsSettings(DealtSettings):
    """Trips of one span."""

    months: int | None = Field(None, ge=1)
    """Calendar months of each span, in place of a number of rows. Span 1 begins with January 2013."""

    @model_validator(mode="after")
    def _one_measure(self) -> TripsSettings:
        if self.rows is not None and self.months is not None:
            raise ValueError("a span is as long as `rows` or `months` says, not both")
        return self


def spans(settings: Sequence[TripsSettings]) -> list[Callable[[Path], None]]:
    """What writes each span: the trips in the order of their start, dealt out, so that a later span is of later trips.

    Trips that start at the same time keep the file's order.

    Raises:
      SettingsError: there are not that many rows or months.
    """
    path = trips()
    # As text: what is written is what was read, digit for digit.
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    as_text = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    table = pa.csv.read_csv(path, convert_options=as_text)
    keys = pa.table({"time": table[TIME].cast(pa.int64()), "row": pa.array(range(table.num_rows))})
    order = pc.sort_indices(keys, sort_keys=[("time", "ascending"), ("row", "ascending")])
    table = table.take(order)
    shares = deal(table.num_rows, settings)
    if settings[0].months is not None:
        shares = _by_month(table[TIME].cast(pa.int64()), settings[0].months, len(settings))
    return [partial(_write_in, table.slice(share.start, share.stop - share.start)) for share in shares]


def _by_month(times: pa.ChunkedArray, months: int, count: int) -> list[slice]:
    """Rows of each span of so many calendar months; `times` ascend, in seconds since 1970."""
    moments = times.cast(pa.timestamp("s"))
    month = pc.add(pc.multiply(pc.year(moments), 12), pc.month(moments)).to_numpy()
    there = int(month[-1] - month[0]) + 1
    if count * months > there:
        raise SettingsError(
            "There are not enough months.",
            where="months",
            expected=f"at most {there} in all spans together",
            received=f"{count * months} in {count} spans",
            fix="ask for fewer spans, or for shorter ones",
        )
    edges = np.searchsorted(month, month[0] + months * np.arange(count + 1))
    return [slice(int(start), int(stop)) for start, stop in pairwise(edges)]


def _write_in(table: pa.Table, folder: Path) -> None:
    folder.mkdir()
    pa.csv.write_csv(table, folder / FILE, pa.csv.WriteOptions(quoting_style="needed"))
