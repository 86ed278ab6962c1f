"""`headgate check` and `headgate doctor` look at the engine that the settings ask for."""

from __future__ import annotations

import zipfile

import pytest

from components.beam import BeamSettings
from components.flink import cluster
from pipeline.doctor import examine
from pipeline.engine import engine_notes
from schema.errors import HeadgateError, SettingsError


@pytest.fixture
def flink(monkeypatch):
    """A cluster of Flink 1.19.3."""
    monkeypatch.setattr(cluster, "flink_version", lambda master: "1.19.3")
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    return {"runner": "flink", "flink_master": "127.0.0.1:8081"}


def test_of_a_local_engine_there_is_nothing_to_say():
    assert list(engine_notes(BeamSettings())) == []


def test_a_cluster_is_asked_for_its_version(flink):
    [note] = engine_notes(BeamSettings(**flink))
    assert note.startswith("Flink 1.19.3 answers at 127.0.0.1:8081; Beam's job server for it comes from Maven Central")
    [note] = engine_notes(BeamSettings(**flink, job_endpoint="localhost:8099"))
    assert note.endswith("the job server is at localhost:8099.")


def test_a_job_server_is_held_against_the_cluster(flink, tmp_path):
    jar = tmp_path / "server.jar"
    with pytest.raises(SettingsError, match="not there"):
        list(engine_notes(BeamSettings(**flink, job_server_jar=jar)))
    for version, fits in (("1.19.0", True), ("2.0.0", False)):
        with zipfile.ZipFile(jar, "w") as archive:
            archive.writestr(".flink-runtime.version.properties", f"project.version={version}\n")
        if fits:
            [note] = engine_notes(BeamSettings(**flink, job_server_jar=jar))
            assert note.endswith("server.jar is for it.")
        else:
            with pytest.raises(HeadgateError, match=r"for Flink 2\.0, and the cluster runs Flink 1\.19\.3"):
                list(engine_notes(BeamSettings(**flink, job_server_jar=jar)))


def test_what_is_not_tested_on_is_said():
    [note] = engine_notes(BeamSettings(runner="spark", spark_master="spark://127.0.0.1:7077"))
    assert "own tests do not run on it" in note


def test_doctor_tells_that_a_machine_has_no_java(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    report = examine(tmp_path)
    assert report.machine["Java"] == "none"
    assert any("need one (11 or later)" in finding.message for finding in report.findings)
    assert report.healthy
