"""Draws what `benchmarks.scale` measured: `python -m benchmarks.scale_chart FILE.json docs/pictures/scale`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

ORDER = ["ingest", "statistics", "transform", "evaluate", "drift"]


def chart(points: list[dict[str, Any]]) -> alt.HConcatChart:
    """CPU time, and memory, over the rows: a line for each step on each engine; a slope of 1 is linear growth.

    Args:
      points: `scale.Point`s as plain data.
    """
    values = [
        {**each, "mib": max(each["memory_bytes"], 1 << 20) / 2**20, "engine": each["engine"].replace("_", " ")}
        for each in points
    ]
    base = (
        alt.Chart(alt.InlineData(values=values), width=330, height=280)
        .mark_line(point=True)
        .encode(
            x=alt.X("rows:Q", scale=alt.Scale(type="log"), title="rows", axis=alt.Axis(format="~s", tickCount=4)),
            color=alt.Color("step:N", sort=ORDER, title="step"),
            strokeDash=alt.StrokeDash("engine:N", title="engine"),
        )
    )
    time = base.encode(y=alt.Y("cpu_seconds:Q", scale=alt.Scale(type="log"), title="CPU seconds"))
    memory = base.encode(y=alt.Y("mib:Q", scale=alt.Scale(type="log"), title="memory beyond imports, MiB"))
    return alt.hconcat(time.properties(title="Time"), memory.properties(title="Memory"))


def main(source: str, target: str) -> None:
    """Writes `target.svg` and `target.png`."""
    spec = chart(json.loads(Path(source).read_text(encoding="utf-8"))).to_dict()
    Path(f"{target}.svg").write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    Path(f"{target}.png").write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


if __name__ == "__main__":
    main(*sys.argv[1:])
