"""Lineage: from a release back to its files, from a span forward to its releases, and what of it may be gone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import pytest
from recorded import Output, Recorder, drift_report, feature

from components.ingest.sources import FILE_NAME
from schema.errors import HeadgateError, SettingsError
from serving import files, manifest, model_config
from serving.manifest import Manifest

SOURCE = {"path": "/in/span-1/sales.csv", "files": 1, "bytes": 4711, "modified": "2026-01-01T00:00:00+00:00"}


class Runs:
    """Runs that train and release."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.versions = 0

    def train(self, run_id: str, span: int, baseline: int | None = None, release: bool = True) -> dict[str, int]:
        """Records a whole run on a span; returns the numbers of its artifacts."""
        step, run = self.recorder.step, {}
        self.recorder.run(run_id, code={"train": f"code-{run_id}", "ingest": "same"})
        rows = {"span": span, "rows": 700, "input_fingerprint": "abc"}
        run |= step(run_id, "ingest", {}, {"examples": Output("Examples", rows, {FILE_NAME: [SOURCE]})})
        of = {"examples": run["examples"]}
        run |= step(run_id, "statistics", of, {"statistics": Output("ExampleStatistics")})
        run |= step(run_id, "schema", {"statistics": run["statistics"]}, {"schema": Output("Schema")})
        of["schema"] = run["schema"]
        run |= step(run_id, "transform", of, {"transform_graph": Output("TransformGraph")})
        of["transform_graph"] = run["transform_graph"]
        run |= step(run_id, "train", of, {"model": Output("Model"), "model_run": Output("ModelRun")})
        judged = {"model": run["model"]} | ({} if baseline is None else {"baseline_model": baseline})
        run |= step(run_id, "judge", judged, {"blessing": Output("ModelBlessing")})
        self.release(run_id, run, release)
        return run

    def release(self, run_id: str, run: Mapping[str, int], really: bool = True) -> None:
        """Records the release step, and puts the release where it belongs."""
        serving = self.recorder.workspace.serving
        properties: dict[str, Any] = {"pushed": 0}
        if really:
            self.versions += 1
            folder = serving / "sales" / str(self.versions)
            properties = {"pushed": 1, "version": self.versions, "pushed_destination": str(folder)}
            (folder / "assets.extra").mkdir(parents=True)
            files.replace(folder / manifest.LOCATION, self.manifest(run_id, run).model_dump_json())
            config = model_config.read(serving)
            model_config.set_stable(config, "sales", serving / "sales", self.versions)
            model_config.write(serving, config)
        inputs = {name: run[name] for name in ("model", "blessing", "examples", "statistics", "schema")}
        self.recorder.step(run_id, "release", inputs, {"pushed_model": Output("PushedModel", properties)})

    def manifest(self, run_id: str, run: Mapping[str, int]) -> Manifest:
        """What the release says of itself."""
        return Manifest(
            run_id=run_id,
            pipeline="sales",
            span=1,
            model_uri=str(self.recorder.uri(run["model"])),
            statistics_uri=str(self.recorder.uri(run["statistics"])),
            schema_fingerprint="s" * 64,
            code_fingerprint="c" * 64,
            settings_fingerprint="f" * 64,
            metrics={"auc": 0.9},
            model="sales",
            version=self.versions,
            created="2026-01-01T00:00:00+00:00",
            files={},
        )


@pytest.fixture
def runs(tmp_path) -> Runs:
    return Runs(Recorder(tmp_path / "w"))


def test_a_release_is_traced_back_to_its_files(runs):
    made = runs.train("r1", span=1)
    found = runs.recorder.history.lineage("sales", 1)
    kinds = ["PushedModel", "Model", "TransformGraph", "Schema", "ExampleStatistics", "Examples"]
    assert [each.kind for each in found.artifacts] == kinds
    assert [each.path for each in found.sources] == [SOURCE["path"]]
    assert (found.serving, found.missing, found.baseline) == (True, (), None)
    model = found.artifacts[1]
    assert (model.id, model.step, model.run_id, model.code) == (made["model"], "train", "r1", "code-r1")
    assert model.inputs["examples"] == (made["examples"],)
    examples = found.artifacts[-1]
    assert examples.properties == {"span": 1, "rows": 700, "input_fingerprint": "abc"}


def test_what_another_run_had_made_is_told_with_that_run(runs):
    first = runs.train("r1", span=1, release=False)
    runs.recorder.run("r2")
    runs.release("r2", first)
    found = runs.recorder.history.lineage("sales", 1)
    assert {each.kind: each.run_id for each in found.artifacts} == {
        "PushedModel": "r2",
        **dict.fromkeys(("Model", "TransformGraph", "Schema", "ExampleStatistics", "Examples"), "r1"),
    }


def test_the_release_that_it_was_judged_against_is_named(runs):
    first = runs.train("r1", span=1)
    runs.train("r2", span=2, baseline=first["model"])
    found = runs.recorder.history.lineage("sales", 2)
    assert (found.baseline, found.serving) == (1, True)
    assert not runs.recorder.history.lineage("sales", 1).serving
    assert first["model"] not in [each.id for each in found.artifacts], "it is no part of the new one"


def test_a_release_that_was_removed_is_known_to_the_database(runs):
    runs.train("r1", span=1)
    runs.train("r2", span=2)
    shutil.rmtree(runs.recorder.workspace.serving / "sales/1")
    found = runs.recorder.history.lineage("sales", 1)
    assert found.manifest is None
    assert [each.path for each in found.sources] == [SOURCE["path"]]
    [missing] = found.missing
    assert "is gone, and its manifest with it" in missing


def test_artifacts_that_were_removed_are_named(runs):
    made = runs.train("r1", span=1)
    folder = runs.recorder.uri(made["examples"])
    shutil.rmtree(folder)
    found = runs.recorder.history.lineage("sales", 1)
    assert found.missing == (f"{folder} (Examples) is gone.",)
    assert found.sources == ()


@pytest.mark.parametrize("damage", [None, b"no database" * 100])
def test_without_a_database_the_manifest_is_known(runs, damage):
    runs.train("r1", span=1)
    database = runs.recorder.workspace.metadata
    database.unlink() if damage is None else database.write_bytes(damage)
    found = runs.recorder.history.lineage("sales", 1)
    assert found.manifest.metrics == {"auc": 0.9}
    assert found.artifacts == ()
    assert "Only the manifest is known." in found.missing[-1]
    assert damage or not database.exists(), "looking does not make one"


def test_a_database_that_was_begun_anew_does_not_know_the_release(runs, tmp_path):
    runs.train("r1", span=1)
    runs.recorder.workspace.metadata.unlink()
    Recorder(runs.recorder.workspace.root).run("r9")
    found = runs.recorder.history.lineage("sales", 1)
    assert found.artifacts == ()
    assert found.missing[0].startswith("ML Metadata does not know this release, nor its model")


def test_an_unknown_release_names_those_there_are(runs):
    runs.train("r1", span=1)
    with pytest.raises(SettingsError, match="There is no release sales@7") as caught:
        runs.recorder.history.lineage("sales", 7)
    assert caught.value.expected == "one of sales@1"


def test_neither_database_nor_manifest_is_an_error(runs):
    runs.recorder.workspace.metadata.write_bytes(b"no database" * 100)
    with pytest.raises(HeadgateError, match="cannot be read"):
        runs.recorder.history.lineage("sales", 1)


def test_a_span_is_traced_forward_to_its_releases(runs):
    first = runs.train("r1", span=1)
    runs.train("r2", span=2, baseline=first["model"], release=False)
    reference = {"uri": str(runs.recorder.uri(first["statistics"])), "span": 1, "kind": "in_service"}
    runs.recorder.compared("r2", drift_report(2, [feature("amount", 0.5)]) | {"reference": reference})
    found = runs.recorder.history.forward("sales", 1)
    assert [each.id for each in found.examples] == [first["examples"]]
    [trained] = found.models
    assert trained.model.id == first["model"]
    assert [(each.model, each.version, each.there, each.serving) for each in trained.releases] == [
        ("sales", 1, True, True)
    ]
    assert found.reference_of == (2,)
    [second] = runs.recorder.history.forward("sales", 2).models
    assert second.releases == ()


def test_a_span_that_nobody_read_is_refused(runs):
    runs.train("r1", span=1)
    with pytest.raises(SettingsError) as caught:
        runs.recorder.history.forward("sales", 3)
    assert caught.value.expected == "one of the spans 1"
