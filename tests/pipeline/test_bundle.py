"""A compiled pipeline on disk: what it holds, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from small_pipeline import SETTINGS

from pipeline import bundle
from pipeline.bundle import Bundle, BundleStep
from pipeline.orchestrated import _failure, _held_back
from pipeline.settings import PipelineSettings
from pipeline.steps import step_codes
from pipeline.summary import StepEnd
from schema.errors import DataError, HeadgateError, SettingsError

SETTINGS_OF_SALES = PipelineSettings.model_validate(yaml.safe_load(SETTINGS))

STEPS = (
    BundleStep("ingest", (), (), False),
    BundleStep("gate", ("ingest",), (), False),
    BundleStep("drift", ("gate", "ingest"), (("gate", "passed"),), False),
    BundleStep("train", ("drift",), (("gate", "passed"), ("drift", "passed"), ("drift", "train")), True),
    BundleStep("release", ("train",), (("gate", "passed"), ("drift", "passed"), ("drift", "train")), False),
)


def sales(folder: Path) -> Bundle:
    settings = SETTINGS_OF_SALES
    return Bundle(
        pipeline="sales",
        workspace=str(folder / "w"),
        base=str(folder),
        file=str(folder / "pipeline.yaml"),
        settings=settings.model_dump(mode="json", by_alias=True),
        schema=None,
        schema_digest=None,
        code=step_codes(settings),
        steps=STEPS,
        notes=("a note",),
        headgate="0.1.0",
        ir_digest=hashlib.sha256(b"").hexdigest(),
        folder=folder,
    )


def written(made: Bundle) -> Path:
    record = {name: value for name, value in asdict(made).items() if name != "folder"}
    (made.folder / bundle.RECORD).write_text(json.dumps(record), encoding="utf-8")
    return made.folder


def test_what_is_read_is_what_was_written(tmp_path):
    made = sales(tmp_path)
    assert bundle.read(written(made)) == made


def test_the_settings_come_back_as_if_read_from_their_file(tmp_path):
    loaded = sales(tmp_path).loaded()
    assert loaded.settings == SETTINGS_OF_SALES
    assert loaded.base == tmp_path


def test_a_run_may_read_another_span_than_the_settings_name(tmp_path):
    assert sales(tmp_path).loaded(span=7).settings.data.span == 7


def test_a_folder_without_a_bundle_says_what_writes_one(tmp_path):
    with pytest.raises(SettingsError, match="There is no compiled pipeline") as error:
        bundle.read(tmp_path)
    assert "headgate compile --airflow" in str(error.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pipeline": 1}'])
def test_a_damaged_bundle_asks_to_be_compiled_again(tmp_path, text):
    (tmp_path / bundle.RECORD).write_text(text)
    with pytest.raises(SettingsError, match="The bundle cannot be read") as error:
        bundle.read(tmp_path)
    assert error.value.fix == "compile it again: headgate compile"


def test_code_that_changed_since_is_refused(tmp_path):
    made = sales(tmp_path)
    made.refuse_other_code(SETTINGS_OF_SALES, "ingest", "train")
    stale = replace(made, code={**made.code, "train": "another"})
    stale.refuse_other_code(SETTINGS_OF_SALES, "ingest")
    with pytest.raises(SettingsError, match="The code of the step `train` is not the one") as error:
        stale.refuse_other_code(SETTINGS_OF_SALES, "ingest", "train")
    assert error.value.exit_code == 2


def test_a_schema_that_was_accepted_since_is_refused(tmp_path):
    made = sales(tmp_path)
    made.refuse_other_schema(SETTINGS_OF_SALES)
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/sales.pbtxt").write_text("")
    with pytest.raises(SettingsError, match="The curated schema is not the one") as error:
        made.refuse_other_schema(SETTINGS_OF_SALES)
    assert error.value.where == str(tmp_path / "schema/sales.pbtxt")


def test_a_compiled_pipeline_of_another_bundle_is_refused(tmp_path):
    (tmp_path / bundle.IR).write_bytes(b"another")
    with pytest.raises(SettingsError, match="does not belong to its bundle"):
        sales(tmp_path).ir()


def complete(step: str, **verdict: bool) -> StepEnd:
    return StepEnd(step, "complete", 1.0, **verdict)


def ends(*steps: StepEnd) -> dict[str, StepEnd]:
    return {step.step: step for step in (complete("begin"), *steps)}


def test_what_a_gate_stops_is_held_back_with_all_that_follows(tmp_path):
    stopped = ends(complete("ingest"), complete("gate", passed=False))
    assert _held_back(sales(tmp_path), stopped) == {"drift", "train", "release"}


def test_drift_that_asks_for_no_model_holds_the_training_back(tmp_path):
    watched = ends(complete("ingest"), complete("gate", passed=True), complete("drift", passed=True, train=False))
    assert _held_back(sales(tmp_path), watched) == {"train", "release"}


def test_a_run_whose_steps_are_done_or_held_back_has_not_failed(tmp_path):
    watched = ends(complete("ingest"), complete("gate", passed=True), complete("drift", passed=True, train=False))
    assert _failure(sales(tmp_path), watched, Path("log")) is None


def test_a_step_that_was_killed_or_never_started_fails_the_run(tmp_path):
    failure = _failure(sales(tmp_path), ends(complete("ingest")), Path("log"))
    assert str(failure).startswith("The step `gate` did not come to its end.")


def test_the_first_failure_is_told_with_its_kind(tmp_path):
    error = DataError("The label is missing.", where="sales.csv")
    failed = StepEnd("ingest", "failed", 1.0, error=error.parts, exit_code=error.exit_code)
    failure = _failure(sales(tmp_path), ends(failed), Path("log"))
    assert isinstance(failure, DataError)
    assert str(failure) == str(error)


def test_a_run_that_never_began_has_failed(tmp_path):
    assert isinstance(_failure(sales(tmp_path), {}, Path("log")), HeadgateError)
