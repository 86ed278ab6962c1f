"""Sections into one HTML page that holds all it needs and asks nothing of anybody."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report.view import Figure, Group, Part, Section

_HERE = Path(__file__).parent / "templates"

SIGNS = {"good": "\u2713", "warn": "!", "bad": "\u2715", "info": "i", "quiet": "\u2013"}
"""The sign of each tone: what is said by colour is said by a sign and a word too."""

_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)


def render(template: str, **content: Any) -> str:
    """Fills a template; whatever is not our own HTML is escaped.

    Args:
      template: its file name.
      **content: what it shows; `libraries` are scripts as HTML, for pages with charts.

    Returns:
      The page.
    """
    text = (
        _templates()
        .get_template(template)
        .render(
            signs=SIGNS,
            style=_asset("style.css"),
            script=_asset("page.js"),
            version=version("headgate"),
            written=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            policy=POLICY,
            **content,
        )
    )
    return text.replace(POLICY, _policy(text), 1)


def figures(sections: list[Section]) -> Iterator[Figure]:
    """Every figure of a page."""

    def within(part: Part) -> Iterator[Figure]:
        if isinstance(part, Figure):
            yield part
        elif isinstance(part, Group):
            yield from part.figures

    for section in sections:
        for part in section.parts:
            yield from within(part)


POLICY = "content-security-policy"
"""Stands for the policy until the scripts that it allows are known."""


def _policy(page: str) -> str:
    """Allows the scripts that the page was written with, by their digests, and nothing from anywhere else.

    Vega's tooltips and the widths of bars are styles of elements, which have no digests.
    """
    scripts = (found for found in _SCRIPT.finditer(page) if "json" not in found["attributes"])
    digests = (base64.b64encode(hashlib.sha256(found["code"].encode()).digest()).decode() for found in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _prose(text: str) -> Markup:
    """Text with the words between backticks as code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its fellow
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def _asset(name: str) -> Markup:
    return Markup((_HERE / name).read_text(encoding="utf-8"))  # noqa: S704 -- our own file


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = _prose
    return environment
