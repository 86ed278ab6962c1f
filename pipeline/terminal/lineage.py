"""Lineage for a terminal: a tree from the release back, or from the data forward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pipeline.history.forward import Forward, Released
from pipeline.history.lineage import Lineage
from pipeline.history.walk import Made

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

KINDS = {
    "PushedModel": "release",
    "Model": "model",
    "HyperParameters": "hyperparameters",
    "TransformGraph": "transform",
    "Schema": "schema",
    "ExampleStatistics": "statistics",
    "Examples": "examples",
}
"""Types of artifacts in words."""

FACTS = ("span", "version", "rows", "quarantined")
"""Of an artifact's properties; `--json` has them all."""

LISTED = 10
"""As many source files are shown."""


def render(found: Lineage) -> RenderableType:
    """The tree from a release back to its source files."""
    from rich.console import Group
    from rich.text import Text
    from rich.tree import Tree

    state = "in service" if found.serving else "not in service" if found.manifest else "removed"
    tree = Tree(Text.assemble((f"{found.model}@{found.version}", "bold"), f"  {state}  {found.path}"), highlight=False)
    if found.manifest:
        tree.add(Text("  ".join(_manifest(found)), style="dim"))
    for made in found.artifacts:
        branch = tree.add(_line(made))
        if made.kind == "Examples":
            for source in found.sources[:LISTED]:
                many = f", {source.files:,} files" if source.files > 1 else ""
                branch.add(Text(f"{source.path}  {source.bytes:,} bytes{many}, written {source.modified}"))
            if len(found.sources) > LISTED:
                branch.add(Text(f"and {len(found.sources) - LISTED} more: --json"))
    if found.baseline is not None:
        tree.add(Text(f"judged against {found.model}@{found.baseline}, which was in service"))
    return Group(tree, *_missing(found.missing))


def render_forward(found: Forward) -> RenderableType:
    """The tree from a span's data to the releases."""
    from rich.console import Group
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text.assemble((f"{found.pipeline}, span {found.span}", "bold")), highlight=False)
    for made in found.examples:
        tree.add(_line(made))
    models = tree.add(Text("trained on it:" if found.models else "no model was trained on it"))
    for trained in found.models:
        branch = models.add(_line(trained.model))
        for release in trained.releases:
            branch.add(_release(release))
        if not trained.releases:
            branch.add(Text("not released", style="dim"))
    spans = ", ".join(map(str, found.reference_of))
    tree.add(Text(f"compared with it: span {spans}" if spans else "no span was compared with it"))
    return Group(tree, *_missing(found.missing))


def _manifest(found: Lineage) -> Iterator[str]:
    manifest = found.manifest
    if manifest is None:
        return
    yield f"manifest: released {manifest.created} by run {manifest.run_id}, span {manifest.span}"
    yield f"settings {manifest.settings_fingerprint[:12]}"
    yield f"code {manifest.code_fingerprint[:12]}"
    yield f"schema {manifest.schema_fingerprint[:12]}"


def _line(made: Made) -> Text:
    """One artifact: what it is, how it was made, and of what."""
    from rich.text import Text

    parents = [f"{key} {', '.join(map(str, numbers))}" for key, numbers in sorted(made.inputs.items())]
    facts = [
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
        for name, value in made.properties.items()
        if name in FACTS
    ]
    rest = [
        f"step {made.step}, execution {made.execution}, run {made.run_id or '?'}, {made.time}",
        f"code {made.code[:12]}" if made.code else "",
        ", ".join(facts),
        f"from {', '.join(parents)}" if parents else "",
        "" if made.there or made.kind == "PushedModel" else "gone from disk",
    ]
    return Text.assemble((f"{KINDS.get(made.kind, made.kind)} {made.id}", "cyan"), "  ", "  ".join(filter(None, rest)))


def _release(release: Released) -> Text:
    from rich.text import Text

    state = ", in service" if release.serving else "" if release.there else ", removed since"
    return Text(f"released as {release.model}@{release.version}{state}", style="green" if release.serving else "")


def _missing(missing: Iterable[str]) -> Iterator[Text]:
    from rich.text import Text

    for each in missing:
        yield Text(f"note: {each}", style="yellow")
