"""Where a release came from, back to the files that its data were read from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.ingest import sources
from components.ingest.sources import SourceFile
from pipeline.history.artifacts import read_or_tell
from pipeline.history.store import Store
from pipeline.history.walk import Made, Walk
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError
from schema.remote.addresses import join
from serving.manifest import Manifest
from serving.releases import in_service, releases


@dataclass(frozen=True)
class Lineage:
    """A release and all that it came from.

    Attributes:
      model: its name.
      version: its number.
      path: its folder.
      serving: whether it is in service.
      manifest: what the release says of itself; None where it has been removed.
      artifacts: from the release back to the examples.
      sources: the files that were read.
      baseline: version of the model in service that it was judged against, if any.
      missing: a sentence for each thing that is no longer known.
    """

    model: str
    version: int
    path: str
    serving: bool
    manifest: Manifest | None = None
    artifacts: tuple[Made, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    baseline: int | None = None
    missing: tuple[str, ...] = ()


def lineage(store: Store, workspace: Workspace, model: str, version: int) -> Lineage:
    """Goes from a release back to its source files.

    Args:
      store: the workspace's database.
      workspace: the workspace.
      model: the model's name in TensorFlow Serving.
      version: the release's number.

    Raises:
      SettingsError: neither the serving directory nor ML Metadata knows this release.
      HeadgateError: the database cannot be read, and there is no manifest either.
    """
    place = serving_dir(store, workspace, model)
    known = {each.version: each for each in releases(place, model)}
    serving = in_service(place, model)
    path = join(place, model, str(version))
    found = Lineage(model, version, path, serving is not None and serving.version == version)
    if version in known:
        found = replace(found, manifest=known[version].manifest)
    else:
        found = replace(found, missing=(f"{path} is gone, and its manifest with it.",))
    try:
        pushed = releases_on_record(store).get((model, version))
        if pushed is None and found.manifest is None:
            raise _unknown(found, sorted(known))
        return _completed(found, Walk(store), store, pushed)
    except SettingsError:
        raise
    except HeadgateError as error:
        if found.manifest is None:
            raise
        told = f"{error.what} {error.where}: {error.received}. Only the manifest is known."
        return replace(found, missing=(*found.missing, told))


def releases_on_record(store: Store) -> dict[tuple[str, int], int]:
    """The PushedModel of each release that ML Metadata knows, the first one, by model and version."""
    found: dict[tuple[str, int], int] = {}
    for artifact in store.of_type("PushedModel"):
        if released := _destination(artifact):
            found.setdefault(released[1:], artifact.id)
    return found


def serving_dir(store: Store, workspace: Workspace, model: str) -> str:
    """The serving directory, or its address, that a model was released into last; by default the workspace's."""
    with suppress(HeadgateError):
        for artifact in reversed(store.of_type("PushedModel")):
            released = _destination(artifact)
            if released and released[1] == model:
                return released[0]
    return str(workspace.serving)


def _destination(artifact: mlmd.Artifact) -> tuple[str, str, int] | None:
    """The serving directory, the model and the version of a PushedModel; None where nothing was released."""
    parts = artifact.custom_properties["pushed_destination"].string_value.rsplit("/", 2)
    if not artifact.custom_properties["pushed"].int_value or len(parts) < 3 or not parts[2].isdecimal():
        return None
    return parts[0], parts[1], int(parts[2])


def _completed(found: Lineage, walk: Walk, store: Store, pushed: int | None) -> Lineage:
    missing, release = list(found.missing), walk.made(pushed) if pushed is not None else None
    if release is not None:
        start = [each for key in ("model", "schema", "statistics") for each in release.inputs.get(key, ())]
    else:
        uri = found.manifest.model_uri if found.manifest else ""
        start = [each.id for each in store.ask("get_artifacts_by_uri", uri)]
        missing.append(f"ML Metadata does not know this release{'' if start else f', nor its model, {uri}'}.")
    artifacts = walk.back(start)
    missing += [f"{each.uri} ({each.kind}) is gone." for each in artifacts if not each.there]
    files: list[SourceFile] = []
    for each in artifacts:
        if each.kind == "Examples" and each.there:
            files += read_or_tell(sources.read, each.uri, [], missing, file=sources.FILE_NAME)
    return replace(
        found,
        artifacts=(*([release] if release else []), *artifacts),
        sources=tuple(files),
        baseline=_baseline(walk, release, store) if release else None,
        missing=tuple(missing),
    )


def _baseline(walk: Walk, release: Made, store: Store) -> int | None:
    """The version whose model the judge had beside this one."""
    judged = [walk.made(each) for each in release.inputs.get("blessing", ())]
    models = {each for made in judged if made for each in made.inputs.get("baseline_model", ())}
    for (_, version), pushed in releases_on_record(store).items():
        made = walk.made(pushed)
        if made is not None and models.intersection(made.inputs.get("model", ())):
            return version
    return None


def _unknown(found: Lineage, versions: Sequence[int]) -> SettingsError:
    return SettingsError(
        f"There is no release {found.model}@{found.version}.",
        where=found.path,
        expected=f"one of {', '.join(f'{found.model}@{each}' for each in versions)}" if versions else "a release",
        received=f"{found.model}@{found.version}",
        fix="see the column `version` of `headgate runs`",
    )
