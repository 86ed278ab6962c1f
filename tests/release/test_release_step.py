"""in_service and release in a real TFX pipeline: cold start, next span, rollback, what is not blessed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from small_release import pushed, run
from tfx.orchestration import metadata
from tfx.types import standard_artifacts as artifacts

from components.evaluation import blessing
from components.release import ReleaseExecutor
from serving import model_config, releases

NOTHING = {"model": None, "statistics": None, "previous_span": None}


@pytest.fixture
def workspace(tmp_path) -> Path:
    return tmp_path / "workspace"


def served(workspace: Path) -> releases.Release | None:
    return releases.in_service(workspace / "serving", "taxi")


def roll_back(workspace: Path, version: int) -> None:
    serving_dir = workspace / "serving"
    config = model_config.read(serving_dir)
    model_config.set_stable(config, "taxi", serving_dir / "taxi", version)
    model_config.write(serving_dir, config)


def test_a_cold_start_resolves_nothing_and_releases_version_one(workspace):
    assert run(workspace, span=1, rows="a") == NOTHING
    release = served(workspace)
    assert release.version == 1
    assert (release.path / "saved_model.pb").read_text() == "trained on a"
    assert releases.verify(release) == []
    assert release.manifest.span == 1
    assert release.manifest.run_id
    assert release.manifest.metrics == {"auc": 0.9}
    assert (release.manifest.threshold, release.manifest.threshold_rule) == (0.3, "best F-beta, beta 1")
    assert (Path(release.manifest.model_uri) / "Format-Serving" / "saved_model.pb").is_file()
    first = pushed(workspace)[0]
    assert (first["pushed"], first["version"]) == (1, 1)
    assert first["pushed_destination"] == str(workspace / "serving" / "taxi" / "1")


def test_the_next_run_is_compared_with_the_release_in_service(workspace):
    run(workspace, span=1, rows="a")
    first = served(workspace).manifest
    seen = run(workspace, span=2, rows="b")
    assert seen == {
        "model": first.model_uri,
        "statistics": first.statistics_uri,
        "previous_span": first.statistics_uri,
    }
    assert served(workspace).version == 2


def test_what_is_not_blessed_is_not_released(workspace):
    run(workspace, span=1, rows="a")
    first = served(workspace)
    run(workspace, span=2, rows="b", blessed=False)
    assert served(workspace) == first
    assert pushed(workspace)[-1]["pushed"] == 0
    # The model in service stays the reference; the span before is the one whose model was turned down.
    seen = run(workspace, span=3, rows="c")
    assert seen["model"] == first.manifest.model_uri
    assert seen["previous_span"] not in (None, first.manifest.statistics_uri)


def test_without_a_release_the_previous_span_is_there_to_compare_with(workspace):
    run(workspace, span=1, rows="a", blessed=False)
    seen = run(workspace, span=2, rows="b", blessed=False)
    assert seen["model"] is seen["statistics"] is None
    assert seen["previous_span"] is not None


def test_an_unchanged_run_releases_nothing_new(workspace):
    for _ in range(3):
        run(workspace, span=1, rows="a")
    assert [release.version for release in releases.releases(workspace / "serving", "taxi")] == [1]
    assert [each["version"] for each in pushed(workspace)] == [1, 1, 1]


def test_a_version_that_was_removed_is_released_again_although_all_else_is_cached(workspace):
    run(workspace, span=1, rows="a")
    shutil.rmtree(workspace / "serving" / "taxi" / "1")
    assert run(workspace, span=1, rows="a") == NOTHING
    assert served(workspace).version == 2
    assert pushed(workspace)[-1]["version"] == 2


def test_after_a_rollback_runs_are_compared_with_the_version_in_service(workspace):
    run(workspace, span=1, rows="a")
    first = served(workspace)
    run(workspace, span=2, rows="b")
    roll_back(workspace, 1)
    assert run(workspace, span=3, rows="c", blessed=False)["model"] == first.manifest.model_uri
    assert served(workspace) == first


@pytest.mark.parametrize("gone", ["model_uri", "statistics_uri"])
def test_artifacts_whose_folder_was_deleted_are_not_resolved(workspace, gone):
    run(workspace, span=1, rows="a")
    shutil.rmtree(getattr(served(workspace).manifest, gone))
    seen = run(workspace, span=2, rows="b")
    assert seen["statistics"] is None
    assert (seen["model"] is None) == (gone == "model_uri")
    assert (seen["previous_span"] is None) == (gone == "statistics_uri")


def test_an_address_that_was_given_to_another_model_is_not_taken_for_the_one_in_service(workspace):
    run(workspace, span=1, rows="a")
    (workspace / "metadata.db").unlink()
    shutil.rmtree(workspace / "artifacts")
    run(workspace, span=1, rows="other", blessed=False)
    assert run(workspace, span=2, rows="b", blessed=False)["model"] is None


def test_a_release_that_cannot_be_written_fails_the_run_and_keeps_the_last_one(workspace, monkeypatch):
    run(workspace, span=1, rows="a")
    first = served(workspace)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device", "the-file")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(releases.ReleaseError, match="could not be written"):
        run(workspace, span=2, rows="b")
    assert served(workspace) == first


def test_the_manifest_names_the_run(workspace):
    run(workspace, span=1, rows="a")
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(workspace / "metadata.db"))) as handle:
        (context,) = handle.store.get_contexts_by_type("pipeline_run")
    assert served(workspace).manifest.run_id == context.name


def test_a_blessing_without_its_file_or_for_another_model_releases_nothing(tmp_path):
    model, verdict = artifacts.Model(), artifacts.ModelBlessing()
    model.uri, verdict.uri = str(tmp_path / "model"), str(tmp_path / "blessing")
    other = artifacts.Model()
    other.uri = str(tmp_path / "other")
    for spoil in (lambda: (Path(verdict.uri) / "BLESSED").unlink(), lambda: setattr(model, "uri", other.uri)):
        blessing.write(verdict, blessed=True, model=model, baseline=None)
        spoil()
        pushed_model = artifacts.PushedModel()
        inputs = {"model": [model], "blessing": [verdict]}
        ReleaseExecutor().Do(inputs, {"pushed_model": [pushed_model]}, {})
        assert pushed_model.get_int_custom_property("pushed") == 0
