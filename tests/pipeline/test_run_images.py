"""Pipelines of images as far as the gate: what is checked, measured, accepted and refused."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import pixels, surfaces, write
from small_pipeline import Pipeline, invoke

from pipeline.dag import Plan, _drift, _gate
from pipeline.settings_file import load
from schema.curation import read

SETTINGS = """\
name: plates
data:
  path: span-{SPAN}
  split: {train: 6, eval: 2, test: 2}
label: {name: state, classes: [good, scratched]}
features:
  images:
    photo: {height: 24, width: 24}
evaluation:
  slices:
    light: {columns: photo_brightness, boundaries: [0.5]}
  thresholds: {auc: {min: 0.6}}
"""


@pytest.fixture
def plates(tmp_path) -> Pipeline:
    """A pipeline that has never run, with one span of surfaces."""
    (tmp_path / "pipeline.yaml").write_text(SETTINGS)
    surfaces(tmp_path / "span-1", 120)
    return Pipeline(tmp_path)


def test_a_camera_that_turned_dark_is_an_anomaly(plates):
    assert plates.run("--to", "statistics").code == 0
    assert plates.command("schema", "accept").code == 0
    surfaces(plates.folder / "span-2", 120, start=1000)
    assert plates.run("--to", "gate").code == 0
    surfaces(plates.folder / "span-3", 120, start=2000, light=0.15)
    ended = plates.run("--to", "gate")
    assert ended.code == 4
    (decision,) = ended.json["decisions"]
    assert (decision["rule"], decision["subject"]) == ("out_of_range", "photo_brightness")
    difference = plates.command("schema", "diff")
    assert difference.stdout.startswith("photo_brightness: range: ")
    assert len(difference.stdout.splitlines()) == 1


def test_an_accepted_schema_describes_the_image_and_its_measures(plates):
    plates.run("--to", "statistics")
    plates.command("schema", "accept")
    schema = read(plates.folder / "schema/plates.pbtxt")
    features = {feature.name: feature for feature in schema.feature}
    assert features["photo"].WhichOneof("domain_info") is None
    assert not features["photo"].not_in_environment
    assert list(features["photo_width"].not_in_environment) == ["SERVING"]
    assert (features["photo_width"].int_domain.min, features["photo_width"].int_domain.max) == (24, 24)
    assert (features["photo_channels"].int_domain.min, features["photo_channels"].int_domain.max) == (3, 3)
    assert [domain.value for domain in schema.string_domain if domain.name == "photo_format"] == [["png"]]
    light = features["photo_brightness"].float_domain
    assert 0.2 < light.min < 0.45 < 0.55 < light.max < 0.8
    light.min = 0.123
    (plates.folder / "schema/plates.pbtxt").write_text(str(schema))
    plates.command("schema", "accept")
    assert "min: 0.123" in (plates.folder / "schema/plates.pbtxt").read_text()


def test_labels_of_arrays_that_are_no_classes_are_stopped_at_the_gate(plates):
    images = np.stack([pixels(seed) for seed in range(120)])
    np.savez(plates.folder / "span-1.npz", x=images, y=np.arange(120) % 3)
    plates.change(lambda settings: settings["data"].update(path="span-{SPAN}.npz"))
    plates.change(lambda settings: settings["label"].update(classes=[0, 1]))
    ended = plates.run("--to", "gate")
    assert ended.code == 4
    (decision,) = ended.json["decisions"]
    assert (decision["rule"], decision["subject"]) == ("unexpected_value", "state")
    assert "saw 2" in decision["message"]


def test_check_looks_at_the_folder_without_opening_an_image(plates):
    for path in (plates.folder / "span-1").glob("*/*.png"):
        path.write_bytes(b"")
    ended = invoke(["check", str(plates.file)])
    assert (ended.code, ended.stdout) == (0, f"{plates.file}: good. 8 columns in the data.\n")


@pytest.mark.parametrize(
    ("table", "change", "code", "told"),
    [
        ("picture,state\na.png,good\n", {}, 4, "no photo"),
        ("photo,state\na.png,good\n", {"evaluation.slices": {"light": "photo_light"}}, 2, "photo_light"),
        ("photo,state\na.png,good\n", {"evaluation.slices": {"light": "photo"}}, 2, "is an image"),
        ("photo,state\na.png,good\n", {"evaluation.find_slices": {"columns": ["photo"]}}, 2, "`photo_brightness`"),
        ("photo,state\na.png,good\n", {"evaluation.slices": {"light": "photo_brightness"}}, 2, "needs `boundaries`"),
        ("photo,state\na.png,good\n", {"features.columns": {"photo_width": {"type": "int"}}}, 2, "is measured"),
        ("photo,state\na.png,good\n", {"data.root": "."}, 0, ""),
        ("photo,state,camera\na.png,good,1\n", {"evaluation.slices": {"camera": "camera"}}, 0, ""),
    ],
)
def test_check_holds_a_manifest_against_the_settings(plates, table, change, code, told):
    write(plates.folder / "a.png", pixels(1))
    (plates.folder / "photos.csv").write_text(table)

    def edit(settings):
        settings["data"]["path"] = "photos.csv"
        for key, value in change.items():
            section, name = key.split(".")
            settings[section][name] = value

    plates.change(edit)
    ended = invoke(["check", str(plates.file)])
    assert ended.code == code, ended.stderr
    assert told in ended.stderr


def test_the_root_of_a_manifest_starts_at_the_settings_file(plates):
    plates.change(lambda settings: settings["data"].update(root="pictures"))
    assert load(str(plates.file)).settings.data.root == str(plates.folder / "pictures")


def test_gate_and_drift_look_at_what_was_measured_and_drift_never_at_the_bytes(plates):
    plan = Plan(load(str(plates.file)).settings, plates.workspace, None)
    measured = {f"photo_{name}" for name in ("width", "height", "channels", "format", "brightness", "sharpness")}
    assert set(_drift(plan).features) == measured
    assert set(_gate(plan).columns) == {"photo", *measured}
