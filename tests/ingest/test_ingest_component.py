"""The component under TFX's own launcher: properties, and when its cache hits."""

from __future__ import annotations

import os

import pytest
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner

from components.ingest.component import Ingest
from components.ingest.settings import DataSettings, IngestSettings
from components.ingest.shards import ingest
from components.label import LabelSettings
from schema.errors import DataError

BEAM = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--sdk_container_image=unused"]


def write(path, rows=100, start=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("id,y\n" + "".join(f"{row},{row % 2}\n" for row in range(start, start + rows)) + "bad\n")


@pytest.fixture
def run(tmp_path):
    """Runs the component as a pipeline; returns the state of its last execution and the artifact that it shows."""
    store_config = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))

    def go(code="1", **data):
        settings = IngestSettings(
            data=DataSettings(**{"path": f"{tmp_path}/in/span-{{SPAN}}/v{{VERSION}}/*.csv", **data}),
            columns={"id": "int"},
            label=LabelSettings(name="y"),
        )
        node = Ingest(settings.model_dump_json(), code).with_id("ingest")
        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="test",
                pipeline_root=str(tmp_path / "root"),
                components=[node],
                enable_cache=True,
                metadata_connection_config=store_config,
                beam_pipeline_args=BEAM,
            )
        )
        with metadata.Metadata(store_config) as handle:
            execution = max(handle.store.get_executions(), key=lambda one: one.id)
            events = handle.store.get_events_by_execution_ids([execution.id])
            (artifact,) = handle.store.get_artifacts_by_id([event.artifact_id for event in events])
        return execution.State.Name(execution.last_known_state), artifact

    return go


def test_the_cache_hits_on_unchanged_input_only(tmp_path, run):
    first = tmp_path / "in/span-1/v1/a.csv"
    write(first)
    assert run()[0] == "COMPLETE"
    state, artifact = run()
    assert state == "CACHED"
    assert artifact.id == run()[1].id

    os.utime(first, ns=(1, 1))
    assert run()[0] == "COMPLETE", "a file was written again"
    write(tmp_path / "in/span-1/v1/b.csv", start=100)
    assert run()[0] == "COMPLETE", "a file came"
    assert run()[0] == "CACHED"
    write(tmp_path / "in/span-2/v1/a.csv")
    assert run()[0] == "COMPLETE", "a span came"
    assert run(span=1)[0] == "COMPLETE", "other settings"
    assert run(span=1)[0] == "CACHED"
    assert run(span=1, code="2")[0] == "COMPLETE", "other code"


def test_the_artifact_tells_span_version_fingerprint_and_counts(tmp_path, run):
    write(tmp_path / "in/span-003/v2/a.csv")
    _, artifact = run()
    assert artifact.properties["span"].int_value == 3
    assert artifact.properties["version"].int_value == 2
    assert artifact.properties["split_names"].string_value == '["train", "eval", "test"]'
    custom = artifact.custom_properties
    assert (custom["span"].int_value, custom["version"].int_value) == (3, 2)
    assert len(custom["input_fingerprint"].string_value) == 16
    assert (custom["rows"].int_value, custom["quarantined"].int_value) == (100, 1)
    assert sum(custom[f"rows_{split}"].int_value for split in ("train", "eval", "test")) == 100


def test_users_errors_come_through_the_launcher_as_they_are(tmp_path, run):
    path = tmp_path / "in/span-1/v1/a.csv"
    write(path, rows=0)
    with pytest.raises(DataError, match="no row that can be used"):
        run()
    write(path)
    assert run()[0] == "COMPLETE"


def test_a_file_that_grows_while_it_is_read_is_refused_and_read_whole_by_the_next_run(tmp_path, run, monkeypatch):
    file = tmp_path / "in/span-1/v1/a.csv"
    write(file)

    def grows(*arguments):
        summary = ingest(*arguments)
        write(file, rows=200)
        return summary

    with monkeypatch.context() as patch:
        patch.setattr("components.ingest.component.ingest", grows)
        with pytest.raises(DataError) as caught:
            run()
    assert caught.value.what == "The input changed while it was read."
    assert "write new files under another name" in caught.value.fix
    state, artifact = run()
    assert (state, artifact.custom_properties["rows"].int_value) == ("COMPLETE", 200)


def test_a_span_of_which_a_file_is_still_being_written_is_refused(tmp_path, run):
    write(tmp_path / "in/span-1/v1/a.csv")
    partial = tmp_path / "in/span-1/v1/b.csv.tmp"
    write(partial)
    with pytest.raises(DataError) as caught:
        run()
    assert caught.value.what == "The input is still being written."
    assert caught.value.where == str(partial)
    partial.rename(partial.with_suffix(""))
    assert run()[1].custom_properties["rows"].int_value == 200
