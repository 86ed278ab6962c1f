"""What became of data: the models that were trained on a span, their releases, and what was compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.history.lineage import releases_on_record, serving_dir
from pipeline.history.reports import comparisons
from pipeline.history.store import Store
from pipeline.history.walk import Made, Walk
from pipeline.workspace import Workspace
from schema.errors import SettingsError
from schema.remote.addresses import join
from schema.remote.places import exists
from serving.releases import in_service


@dataclass(frozen=True)
class Released:
    """A release of a model.

    Attributes:
      there: whether its folder is still in the serving directory.
      serving: whether it is in service.
    """

    model: str
    version: int
    there: bool
    serving: bool


@dataclass(frozen=True)
class Trained:
    """A model, and its releases."""

    model: Made
    releases: tuple[Released, ...]


@dataclass(frozen=True)
class Forward:
    """What became of a span's data.

    Attributes:
      examples: the data; several where the span was read several times, in other versions or with other settings.
      models: what was trained on them, the oldest first.
      reference_of: spans that were compared with them, ascending.
      missing: a sentence for each thing that cannot be read.
    """

    pipeline: str
    span: int
    examples: tuple[Made, ...]
    models: tuple[Trained, ...]
    reference_of: tuple[int, ...]
    missing: tuple[str, ...]


def forward(store: Store, workspace: Workspace, pipeline: str, span: int) -> Forward:
    """Goes from a span's data to the models that were trained on them, and on to the releases.

    Args:
      store: the workspace's database.
      workspace: the workspace.
      pipeline: the pipeline's name.
      span: number of the span.

    Raises:
      SettingsError: no run of the pipeline read that span.
      HeadgateError: the database cannot be read.
    """
    read = {
        each.artifact.id: each.artifact.custom_properties["span"].int_value
        for each in store.given("Examples", pipeline)
    }
    if span not in read.values():
        raise SettingsError(
            f"No run of `{pipeline}` read span {span}.",
            where=str(workspace.root),
            expected=f"one of the spans {', '.join(map(str, sorted(set(read.values()))))}" if read else "a run",
            received=f"{pipeline}:{span}",
        )
    walk, missing = Walk(store), list[str]()
    examples = [made for number in sorted(read) if read[number] == span and (made := walk.made(number))]
    statistics = {made.uri for each in examples for made in walk.forward(each.id, "statistics", "examples")}
    compared = {each.span for each in comparisons(store, pipeline, missing) if each.reference.get("uri") in statistics}
    return Forward(
        pipeline,
        span,
        tuple(examples),
        tuple(_trained(walk, store, workspace, examples)),
        tuple(sorted(compared)),
        tuple(missing),
    )


def _trained(walk: Walk, store: Store, workspace: Workspace, examples: Iterable[Made]) -> Iterator[Trained]:
    models = {
        made.id: made
        for each in examples
        for made in walk.forward(each.id, "train", "examples")
        if made.kind == "Model"
    }
    pushed = {number: key for key, number in releases_on_record(store).items()}
    for number, model in sorted(models.items()):
        keys = {pushed[each.id] for each in walk.forward(number, "release", "model") if each.id in pushed}
        yield Trained(model, tuple(_released(store, workspace, *key) for key in sorted(keys)))


def _released(store: Store, workspace: Workspace, model: str, version: int) -> Released:
    place = serving_dir(store, workspace, model)
    serving = in_service(place, model)
    there = exists(join(place, model, str(version)))
    return Released(model, version, there, serving is not None and serving.version == version)
