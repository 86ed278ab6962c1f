"""Releases into a remote serving directory: whole or not in service, as on a disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from schema.errors import ReleaseError
from schema.remote import addresses, files
from serving import elsewhere, releases
from serving.manifest import Provenance

PROVENANCE = Provenance(
    run_id="run-1",
    pipeline="taxi",
    span=1,
    model_uri="s3://ml/artifacts/taxi/train/model/7",
    statistics_uri="s3://ml/artifacts/taxi/statistics/statistics/2",
    schema_fingerprint="s",
    code_fingerprint="c",
    settings_fingerprint="e",
    metrics={"auc": 0.9},
)


def publish(address: str, folder: Path, content: str, keep: int = 5) -> releases.Release:
    """Releases a model made in a folder; nothing here loads it."""
    model = folder / "model"
    (model / "variables").mkdir(parents=True, exist_ok=True)
    (model / "saved_model.pb").write_text(content)
    (model / "variables/variables.index").write_text("index")
    return releases.publish(address, "taxi", model, PROVENANCE, keep)


def version(address: str) -> int | None:
    release = releases.in_service(address, "taxi")
    return release.version if release else None


@pytest.fixture
def serving(memory: str) -> str:
    """Address of a serving directory with nothing in it."""
    return f"{memory}/models"


def test_a_release_is_in_service_under_its_address(serving: str, tmp_path: Path) -> None:
    release = publish(serving, tmp_path, "graph")
    assert (release.version, version(serving)) == (1, 1)
    assert addresses.told(str(release.path)) == f"{serving}/taxi/1"
    assert files.read(f"{serving}/taxi/1/saved_model.pb") == b"graph"
    assert f'base_path: "{serving}/taxi"' in files.read(f"{serving}/models.config").decode()
    assert set(files.listing(serving)) == {
        *("models.config", "taxi/.last_version", "taxi/1/assets.extra/manifest.json"),
        *("taxi/1/saved_model.pb", "taxi/1/variables/variables.index"),
    }


def test_the_same_model_is_released_once(serving: str, tmp_path: Path) -> None:
    publish(serving, tmp_path, "graph")
    before = files.listing(serving)
    assert publish(serving, tmp_path, "graph").version == 1
    assert files.listing(serving) == before


def test_versions_that_are_not_kept_are_removed(serving: str, tmp_path: Path) -> None:
    for number in range(1, 4):
        publish(serving, tmp_path, f"graph {number}", keep=2)
    assert [release.version for release in releases.releases(serving, "taxi")] == [2, 3]
    assert files.listing(f"{serving}/taxi/1") == {}


def test_a_version_that_is_removed_is_never_used_again(serving: str, tmp_path: Path) -> None:
    publish(serving, tmp_path, "one")
    files.remove(f"{serving}/taxi/1")
    files.remove(f"{serving}/models.config")
    assert publish(serving, tmp_path, "two").version == 2


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_release_that_is_cut_short_is_not_in_service_and_leaves_nothing(
    serving: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    """The machine dies after some uploads: of nothing, of the model's files, of the manifest as well."""
    publish(serving, tmp_path, "one")
    upload, done = files.upload, []

    def dies(address: str, sources: Mapping[str, Path]) -> None:
        if len(done) == sent:
            raise KeyboardInterrupt
        upload(address, sources)
        done.append(sources)

    with monkeypatch.context() as patch:
        patch.setattr(files, "upload", dies)
        with pytest.raises(KeyboardInterrupt):
            publish(serving, tmp_path, "two")
    assert version(serving) == 1
    assert f"taxi/{elsewhere.SENDING}2" in files.listing(serving) or sent == 2
    assert publish(serving, tmp_path, "three").version == (2 if sent < 2 else 3)
    assert not [name for name in files.listing(serving) if elsewhere.SENDING in name]
    assert [release.version for release in releases.releases(serving, "taxi")] == ([1, 2] if sent < 2 else [1, 2, 3])


def test_files_that_did_not_arrive_keep_a_version_out_of_service(
    serving: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "upload", lambda address, sources: None)
    with pytest.raises(Exception, match="did not arrive"):
        publish(serving, tmp_path, "one")
    assert version(serving) is None


def test_a_release_of_somebody_else_meanwhile_is_not_overwritten(
    serving: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(serving, tmp_path, "one")
    upload = files.upload

    def slow(address: str, sources: Mapping[str, Path]) -> None:
        upload(address, sources)
        files.write(f"{serving}/models.config", b"model_config_list {}")

    monkeypatch.setattr(files, "upload", slow)
    with pytest.raises(ReleaseError, match="Somebody else released"):
        publish(serving, tmp_path, "two")
    assert files.read(f"{serving}/models.config") == b"model_config_list {}"


def test_versions_that_others_put_there_stay(serving: str, tmp_path: Path) -> None:
    files.write(f"{serving}/taxi/7/saved_model.pb", b"another tool's")
    assert publish(serving, tmp_path, "one", keep=1).version == 8
    assert files.read(f"{serving}/taxi/7/saved_model.pb") == b"another tool's"
