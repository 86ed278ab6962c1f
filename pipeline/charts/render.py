"""Charts in pages and notebooks, drawn by scripts that travel with them: nothing is asked of any network."""

from __future__ import annotations

import html
import importlib.metadata
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import plain_name

_HERE = Path(__file__).parent

_FRAME = """\
<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light; background: {light} }}
@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ color-scheme: dark; background: {dark} }} }}
:root[data-theme=dark] {{ color-scheme: dark; background: {dark} }}
body {{ margin: 0; padding: 12px; font-family: system-ui, sans-serif }}
main {{ display: grid; gap: 24px; grid-template-columns: repeat(auto-fit, minmax(min(100%, {least}px), 1fr)) }}
section {{ min-width: 0 }}
.wide {{ grid-column: 1 / -1 }}
</style>
{scripts}<script>{frame}</script></head><body><main>{charts}</main></body></html>
"""


def scripts() -> str:
    """Everything that charts need in a page, once, in its head: Vega, the themes, and the code that draws.

    The page may forbid `eval` and every request. Its theme is the reader's (`prefers-color-scheme`), unless its root
    element says `data-theme="light"` or `"dark"`.
    """
    configs = _in_script(json.dumps(theme.CONFIGS))
    return (
        f'<script type="application/json" id="chart-configs">{configs}</script>\n'
        + f"<script>{_in_script_code(_vega())}</script>\n<script>{(_HERE / 'draw.js').read_text('utf-8')}</script>\n"
    )


def page_embed(chart: Chart, element_id: str) -> str:
    """A chart's place in a page that has `scripts()`.

    Args:
      chart: of this package.
      element_id: for links and labels; unique in the page.

    Returns:
      HTML.
    """
    spec = _in_script(json.dumps(chart.to_dict(validate=False), allow_nan=False))
    return (
        f'<div class="chart" id="{html.escape(element_id)}">' + f'<script type="application/json">{spec}</script></div>'
    )


class Shown:
    """Charts in a notebook: one frame for all of them, and the numbers beneath as a plain table.

    The frame is a page of its own that may run scripts and nothing else, so that charts look and work the same in
    JupyterLab, Notebook, nbconvert and a saved page.

    Args:
      charts: in order.
      table: records, a row each; none for no table.
    """

    def __init__(self, charts: Sequence[Chart], table: Sequence[Mapping[str, Any]] = ()) -> None:
        self._charts = charts
        self._table = table

    def _repr_html_(self) -> str:
        document = html.escape(self._document())
        return (
            f'<iframe class="headgate" sandbox="allow-scripts" title="{html.escape(self._title())}" '
            + f'style="width: 100%; height: {self._height()}px; border: 0" srcdoc="{document}"></iframe>\n'
            + f"<script>{(_HERE / 'notebook.js').read_text('utf-8')}</script>\n"
            + table(self._table)
        )

    def __repr__(self) -> str:
        return self._title()

    def _title(self) -> str:
        """What a reader who does not see the charts should know: their descriptions."""
        return "\n".join(str(chart.description) for chart in self._charts)

    def _document(self) -> str:
        return _FRAME.format(
            title=html.escape(self._title()),
            light=theme.PAGES["light"]["page"],
            dark=theme.PAGES["dark"]["page"],
            least=self._least_width(),
            scripts=scripts(),
            frame=(_HERE / "frame.js").read_text("utf-8"),
            charts="\n".join(_place(chart, f"chart-{index}") for index, chart in enumerate(self._charts)),
        )

    def _least_width(self) -> int:
        """Of a column of charts, in pixels."""
        return 260 if all(chart.height == theme.SMALL for chart in self._charts) else 440

    def _height(self) -> int:
        """About what the frame will need in a notebook 1,000 pixels wide; `notebook.js` puts it right."""
        heights = [int(chart.height) + 110 for chart in self._charts]
        side_by_side = [height for chart, height in zip(self._charts, heights, strict=True) if not _is_wide(chart)]
        rows = math.ceil(len(side_by_side) / (1000 // self._least_width()))
        return 24 + sum(heights) - sum(side_by_side) + rows * max(side_by_side, default=0)


def show(*charts: Chart, table: Sequence[Mapping[str, Any]] = ()) -> Shown:
    """Charts to be the last line of a notebook's cell.

    Args:
      *charts: drawn side by side where there is room.
      table: the numbers, as records.
    """
    return Shown(charts or (theme.empty("Charts", "There is nothing to show."),), table)


def _place(chart: Chart, element_id: str) -> str:
    return f"<section{' class=wide' if _is_wide(chart) else ''}>{page_embed(chart, element_id)}</section>"


def _is_wide(chart: Chart) -> bool:
    """A chart with a row for each of many names needs room for them."""
    return int(chart.height) > theme.HEIGHT


def table(records: Sequence[Mapping[str, Any]], summary: str = "The numbers") -> str:
    """Records as a plain HTML table that can be folded away; empty without records."""
    if not records:
        return ""
    columns = list(dict.fromkeys(key for record in records for key in record))
    head = "".join(f'<th scope="col">{html.escape(plain_name(column))}</th>' for column in columns)
    rows = "\n".join(_row(record.get(column) for column in columns) for record in records)
    return (
        f"<details><summary>{html.escape(summary)}</summary>\n"
        + f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></details>"
    )


def _row(values: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in values) + "</tr>"


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(_cell, value))
    return str(value)


def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script. To bundle them takes a second and a half: it is kept on disk."""
    grammar = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    converter = importlib.metadata.version("vl-convert-python")
    kept = _cache_folder() / f"vega-lite-{grammar}-vl-convert-{converter}.js"
    with suppress(OSError):
        return kept.read_text(encoding="utf-8")
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=grammar)
    with suppress(OSError):  # where nothing can be kept, the next page bundles again
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=kept.parent, encoding="utf-8", delete=False) as file:
            file.write(bundle)
        Path(file.name).replace(kept)
    return bundle


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "headgate"


def _in_script(text: str) -> str:
    """JSON that cannot end the script element it stands in, whatever strings are in it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _in_script_code(code: str) -> str:
    """Code that cannot end its script element: `<` stands in strings alone where a tag name follows."""
    return code.replace("</script", "<\\/script")
