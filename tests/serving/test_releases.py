"""Releases: whole or absent, numbered under a lock, put in service in one step."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from schema.errors import ReleaseError
from serving import files, model_config, releases
from serving.manifest import Provenance

PROVENANCE = Provenance(
    run_id="run-1",
    pipeline="taxi",
    span=1,
    model_uri="/artifacts/taxi/train/model/7",
    statistics_uri="/artifacts/taxi/statistics/statistics/2",
    schema_fingerprint="s",
    code_fingerprint="c",
    settings_fingerprint="e",
    metrics={"auc": 0.9},
)


def saved_model(folder: Path, content: str = "graph") -> Path:
    """A folder with the files of a SavedModel; nothing here loads it."""
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "variables.index").write_text("index")
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(os.urandom(64))
    (folder / "assets" / "payment_type").write_text("Cash\n")
    return folder


def publish(serving_dir: Path, source: Path, keep: int = 5) -> releases.Release:
    return releases.publish(serving_dir, "taxi", source, PROVENANCE, keep)


def publish_several(serving_dir: Path, source: Path, count: int, keep: int = 5) -> list[releases.Release]:
    return [publish(serving_dir, saved_model(source / str(i), f"graph {i}"), keep) for i in range(count)]


def folders(serving_dir: Path) -> set[str]:
    return {path.name for path in (serving_dir / "taxi").iterdir() if path.is_dir()}


def config_of(serving_dir: Path) -> ModelServerConfig:
    return text_format.Parse((serving_dir / "models.config").read_text(), ModelServerConfig())


def test_first_release_is_version_one_and_in_service(tmp_path):
    source = saved_model(tmp_path / "model")
    release = publish(tmp_path / "serving", source)
    assert release.version == 1
    assert release.path == tmp_path / "serving" / "taxi" / "1"
    assert releases.in_service(tmp_path / "serving", "taxi") == release
    assert releases.releases(tmp_path / "serving", "taxi") == [release]
    for name in ("saved_model.pb", "variables/variables.index", "assets/payment_type"):
        assert (release.path / name).read_bytes() == (source / name).read_bytes()


def test_manifest_holds_provenance_and_digest_of_each_file(tmp_path):
    source = saved_model(tmp_path / "model")
    release = publish(tmp_path / "serving", source)
    written = json.loads((release.path / "assets.extra" / "manifest.json").read_text())
    assert written["model"] == "taxi"
    assert written["version"] == 1
    assert written["created"].endswith("+00:00")
    assert {key: written[key] for key in PROVENANCE.model_dump()} == PROVENANCE.model_dump()
    assert written["files"] == files.digests(source)


def test_models_config_serves_the_specific_version_under_the_label_stable(tmp_path):
    publish_several(tmp_path / "serving", tmp_path / "models", 2)
    (entry,) = config_of(tmp_path / "serving").model_config_list.config
    assert entry.name == "taxi"
    assert entry.base_path == str(tmp_path / "serving" / "taxi")
    assert entry.model_platform == "tensorflow"
    assert list(entry.model_version_policy.specific.versions) == [2]
    assert dict(entry.version_labels) == {"stable": 2}


def test_other_models_and_other_labels_are_preserved(tmp_path):
    serving_dir = tmp_path / "serving"
    publish_several(serving_dir, tmp_path / "models", 2)
    config = config_of(serving_dir)
    config.model_config_list.config[0].version_labels["canary"] = 1
    config.model_config_list.config.add(name="other", base_path="/models/other", model_platform="tensorflow")
    model_config.write(serving_dir, config)

    publish(serving_dir, saved_model(tmp_path / "third", "third"))

    taxi, other = config_of(serving_dir).model_config_list.config
    assert dict(taxi.version_labels) == {"canary": 1, "stable": 3}
    assert list(taxi.model_version_policy.specific.versions) == [1, 3]
    assert other.base_path == "/models/other"


def test_same_files_are_not_released_twice(tmp_path):
    source = saved_model(tmp_path / "model")
    first = publish(tmp_path / "serving", source)
    config = (tmp_path / "serving" / "models.config").stat().st_mtime_ns
    assert publish(tmp_path / "serving", source) == first
    assert folders(tmp_path / "serving") == {"1"}
    assert (tmp_path / "serving" / "models.config").stat().st_mtime_ns == config


def test_a_version_that_was_rolled_back_is_put_in_service_again_under_its_number(tmp_path):
    serving_dir = tmp_path / "serving"
    first, second = publish_several(serving_dir, tmp_path / "models", 2)
    config = config_of(serving_dir)
    model_config.set_stable(config, "taxi", serving_dir / "taxi", 1)
    model_config.write(serving_dir, config)
    assert releases.in_service(serving_dir, "taxi") == first
    assert publish(serving_dir, tmp_path / "models" / "1") == second
    assert releases.in_service(serving_dir, "taxi") == second


def test_a_damaged_release_is_not_put_in_service_again_but_released_anew(tmp_path):
    source = saved_model(tmp_path / "model")
    first = publish(tmp_path / "serving", source)
    (first.path / "saved_model.pb").write_text("broken")
    assert publish(tmp_path / "serving", source).version == 2


def test_numbers_are_not_used_twice_even_when_versions_were_removed_by_hand(tmp_path):
    serving_dir = tmp_path / "serving"
    for release in publish_several(serving_dir, tmp_path / "models", 3):
        shutil.rmtree(release.path)
    (serving_dir / "models.config").unlink()
    assert releases.in_service(serving_dir, "taxi") is None
    assert publish(serving_dir, saved_model(tmp_path / "next", "next")).version == 4


def test_a_folder_put_there_by_another_tool_counts_but_is_left_alone(tmp_path):
    serving_dir = tmp_path / "serving"
    foreign = serving_dir / "taxi" / "1700000000"
    saved_model(foreign)
    release = publish(serving_dir, saved_model(tmp_path / "model"), keep=1)
    publish(serving_dir, saved_model(tmp_path / "next", "next"), keep=1)
    assert release.version == 1700000001
    assert folders(serving_dir) == {"1700000000", "1700000002"}


def test_retention_keeps_the_newest_and_whatever_is_in_service(tmp_path):
    serving_dir = tmp_path / "serving"
    publish(serving_dir, saved_model(tmp_path / "first", "first"))
    config = config_of(serving_dir)
    config.model_config_list.config[0].version_labels["canary"] = 1
    model_config.write(serving_dir, config)
    publish_several(serving_dir, tmp_path / "models", 4, keep=2)
    assert folders(serving_dir) == {"1", "4", "5"}


def test_leftovers_of_killed_releases_are_swept(tmp_path):
    serving_dir = tmp_path / "serving"
    saved_model(serving_dir / "taxi" / ".staging-1")
    saved_model(serving_dir / "taxi" / ".removed-9")
    publish(serving_dir, saved_model(tmp_path / "model"))
    assert folders(serving_dir) == {"1"}


def test_models_config_that_does_not_parse_is_refused_and_left_alone(tmp_path):
    serving_dir = tmp_path / "serving"
    serving_dir.mkdir()
    (serving_dir / "models.config").write_text("model_config_list { config { nme: 'taxi' } }")
    with pytest.raises(ReleaseError, match="does not parse") as refusal:
        publish(serving_dir, saved_model(tmp_path / "model"))
    assert refusal.value.where == str(serving_dir / "models.config")
    assert "1:30" in refusal.value.received
    assert "nme" in (serving_dir / "models.config").read_text()
    assert not (serving_dir / "taxi").exists()


def test_a_config_of_another_kind_is_refused(tmp_path):
    (tmp_path / "models.config").write_text("custom_model_config {}")
    with pytest.raises(ReleaseError, match="of a kind"):
        publish(tmp_path, saved_model(tmp_path / "model"))


def test_a_folder_without_a_saved_model_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(ReleaseError, match="no SavedModel"):
        publish(tmp_path / "serving", tmp_path / "model")
    assert not (tmp_path / "serving" / "taxi").exists()


def test_a_manifest_that_does_not_parse_is_named(tmp_path):
    release = publish(tmp_path / "serving", saved_model(tmp_path / "model"))
    (release.path / "assets.extra" / "manifest.json").write_text("{")
    with pytest.raises(ReleaseError, match="manifest") as refusal:
        releases.in_service(tmp_path / "serving", "taxi")
    assert refusal.value.where.endswith("1/assets.extra/manifest.json")


def test_without_a_label_the_highest_named_version_is_in_service(tmp_path):
    serving_dir = tmp_path / "serving"
    first, second, _ = publish_several(serving_dir, tmp_path / "models", 3)
    config = config_of(serving_dir)
    config.model_config_list.config[0].version_labels.clear()
    config.model_config_list.config[0].model_version_policy.specific.versions[:] = [1, 2]
    model_config.write(serving_dir, config)
    assert releases.in_service(serving_dir, "taxi") == second
    assert first.version == 1


def test_nothing_is_in_service_before_the_first_release_or_once_its_folder_is_gone(tmp_path):
    serving_dir = tmp_path / "serving"
    assert releases.in_service(serving_dir, "taxi") is None
    assert releases.releases(serving_dir, "taxi") == []
    release = publish(serving_dir, saved_model(tmp_path / "model"))
    release.path.rename(tmp_path / "elsewhere")
    assert releases.in_service(serving_dir, "taxi") is None


def test_verify_names_files_that_are_missing_or_changed(tmp_path):
    release = publish(tmp_path / "serving", saved_model(tmp_path / "model"))
    assert releases.verify(release) == []
    (release.path / "saved_model.pb").write_text("other")
    (release.path / "variables" / "variables.index").unlink()
    assert releases.verify(release) == [
        "saved_model.pb: changed since it was released",
        "variables/variables.index: missing",
    ]


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir", "replace"])
def test_a_full_disk_is_told_and_the_release_in_service_stays(tmp_path, monkeypatch, call):
    serving_dir = tmp_path / "serving"
    first = publish(serving_dir, saved_model(tmp_path / "first", "first"))
    source = saved_model(tmp_path / "second", "second")

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "the-file")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ReleaseError, match="could not be written") as refusal:
        publish(serving_dir, source)
    monkeypatch.undo()
    assert refusal.value.where == "the-file"
    assert "disk space" in refusal.value.fix
    assert folders(serving_dir) == {"1"}
    assert releases.in_service(serving_dir, "taxi") == first
    assert publish(serving_dir, source).version == 2


# A release that ends itself by SIGKILL just before the n-th call of a function of `os`.
KILLED = textwrap.dedent("""
    import itertools, os, signal, sys
    from pathlib import Path
    from serving import releases
    from serving.manifest import Provenance

    function, n = sys.argv[4], int(sys.argv[5])
    real, calls = getattr(os, function), itertools.count(1)

    def killing(*args, **kwargs):
        if next(calls) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(os, function, killing)
    provenance = Provenance.model_validate_json(sys.argv[3])
    print(releases.publish(Path(sys.argv[1]), provenance.pipeline, Path(sys.argv[2]), provenance, keep=1).version)
""")


def release_in_another_process(
    serving_dir: Path, source: Path, kill: tuple[str, int], model: str = "taxi"
) -> subprocess.Popen[str]:
    provenance = PROVENANCE.model_copy(update={"pipeline": model})
    arguments = [str(serving_dir), str(source), provenance.model_dump_json(), kill[0], str(kill[1])]
    return subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True)


KILLS = [("mkdir", 1), ("fsync", 1), ("fsync", 4), ("replace", 1), ("fsync", 6), ("rename", 1), ("replace", 2)]
KILLS += [("replace", 3), ("rename", 2), ("rmdir", 1)]


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: f"{kill[0]}-{kill[1]}")
def test_a_killed_release_leaves_nothing_half_done_and_can_be_repeated(tmp_path, kill):
    serving_dir = tmp_path / "serving"
    publish(serving_dir, saved_model(tmp_path / "first", "first"), keep=1)
    source = saved_model(tmp_path / "second", "second")

    killed = release_in_another_process(serving_dir, source, kill)
    killed.communicate()
    assert killed.returncode == -9, "the call that kills was never reached"

    loadable = releases.releases(serving_dir, "taxi")
    assert {str(release.version) for release in loadable} == {n for n in folders(serving_dir) if n.isdecimal()}
    assert [releases.verify(release) for release in loadable] == [[]] * len(loadable)
    assert releases.in_service(serving_dir, "taxi") in loadable

    again = publish(serving_dir, source, keep=1)
    assert again.version == 2
    assert releases.in_service(serving_dir, "taxi") == again
    assert folders(serving_dir) == {"2"}


def test_concurrent_releases_get_consecutive_versions(tmp_path):
    serving_dir = tmp_path / "serving"
    sources = [saved_model(tmp_path / f"model-{i}", f"graph {i}") for i in range(4)]
    running = [release_in_another_process(serving_dir, source, ("fsync", 0)) for source in sources]
    assert sorted(int(process.communicate()[0]) for process in running) == [1, 2, 3, 4]


def test_models_that_are_released_at_the_same_time_are_all_in_service(tmp_path):
    serving_dir, models = tmp_path / "serving", ["taxi", "bus", "tram"]
    source = saved_model(tmp_path / "model")
    running = [release_in_another_process(serving_dir, source, ("fsync", 0), model) for model in models]
    assert [process.communicate()[0] for process in running] == ["1\n"] * 3
    assert [releases.in_service(serving_dir, model).version for model in models] == [1, 1, 1]


def test_the_room_imports_neither_tensorflow_nor_tfx():
    script = "import serving.releases, sys; print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "[]"
