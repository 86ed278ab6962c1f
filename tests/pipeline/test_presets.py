"""The presets: each fits its data, and runs from the command line to a release."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from small_pipeline import Ended, forget_code, invoke, own_code_forgotten

from data.sources import SOURCES
from data.spans import make
from pipeline.settings_file import load, presets

ROOT = Path(__file__).resolve().parents[2]
MNIST = ROOT.parent / "shared" / "data" / "mnist"
DIGITS = ("mnist-dense", "mnist-cnn", "custom-loop")


@pytest.fixture(autouse=True)
def no_download(tmp_path, monkeypatch):
    """No MNIST of the developer's own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def run(tmp_path, *arguments: str) -> Ended:
    ended = invoke(["run", *arguments, "--workspace", str(tmp_path / "w"), "--json"])
    assert ended.code in (0, 3), ended
    return ended


def test_these_ship():
    assert presets() == ["classification", "custom-loop", "images", "mnist-cnn", "mnist-dense", "taxi"]


@pytest.mark.parametrize("name", presets())
def test_each_fits_its_data_and_says_what_they_are(name):
    ended = invoke(["check", name])
    assert ended.code == 0, ended
    assert f"preset {name}: good." in ended.stdout
    assert ("MNIST is not at hand" in ended.stdout) == (name in DIGITS)


@pytest.mark.parametrize("name", presets())
def test_each_is_in_the_docs_with_its_sizes(name):
    page = (ROOT / "docs" / "presets.md").read_text("utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    settings = load(name).settings
    for layer in settings.model.layers:
        assert f"Dense({layer.units}" in row
    assert f"{settings.training.epochs} epochs" in row
    assert str(settings.training.batch_size) in re.findall(r"\d+", row)


def test_the_digits_of_the_presets_are_the_same():
    first, *others = (load(name).settings for name in DIGITS)
    for other in others:
        assert (other.data, other.features, other.label) == (first.data, first.features, first.label)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classification", *DIGITS])
def test_each_runs_to_a_release(tmp_path, name):
    ended = run(tmp_path, name)
    assert ended.code == 0, ended
    assert Path(ended.json["release"]["path"]).is_dir()
    assert len(ended.json["notes"]) == (name in DIGITS)


@pytest.mark.slow
def test_a_lamp_that_fails_shows_as_drift(tmp_path):
    textures = SOURCES["textures"]
    spans = [textures.settings(rows=200), textures.settings(rows=200, lighting=0.4)]
    path = make(textures, spans, tmp_path / "line").pattern
    short = ["training.epochs=1", "training.steps_per_epoch=5", "training.validation_steps=2"]
    easy = ["evaluation.thresholds={auc: {min: 0}}", "evaluation.max_gap={}"]
    options = [part for each in (f"data.path={path}", *short, *easy) for part in ("--set", each)]
    first = run(tmp_path, "images", *options, "--set", "data.span=1")
    assert first.json["release"]["version"] == 1
    assert first.json["threshold"]["rule"] == "best F-beta, beta 1"
    assert "image_brightness" in run(tmp_path, "images", *options).json["drift"]["drifted"]


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason=f"no MNIST digits in {MNIST}")
@pytest.mark.parametrize(("name", "least"), [("mnist-dense", 0.94), ("mnist-cnn", 0.97)])
def test_real_digits_are_read_as_well_as_they_should_be(tmp_path, name, least):
    ended = run(tmp_path, name, "--set", f"data.path={MNIST}")
    assert ended.json["status"] == "pushed"
    assert ended.json["metrics"]["accuracy"] >= least


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason=f"no MNIST digits in {MNIST}")
def test_the_custom_loop_learns_as_well_as_fit(tmp_path):
    own, fit = (
        run(tmp_path, "custom-loop", "--set", f"data.path={MNIST}", "--set", f"training.step={step}").json["metrics"]
        for step in ("tape", "fit")
    )
    assert abs(own["accuracy"] - fit["accuracy"]) <= 0.01


GENERATOR = """\
import numpy as np

def lamps():
    random = np.random.default_rng(1)
    for number in range(240):
        yield random.integers(0, 100, (8, 8), np.uint8) + 100 * (number % 2), ["off", "on"][number % 2]
"""

OWN = """\
name: lamps
data: {source: "lamps_generator:lamps"}
label: {name: label, classes: ["off", "on"]}
features: {images: {image: {height: 8, width: 8, channels: 1}}}
model: {layers: [{units: 8}]}
training: {epochs: 3, learning_rate: 0.01, early_stopping: null}
evaluation: {thresholds: {auc: {min: 0.9}}, change_thresholds: {auc: 0.5}}
"""


@pytest.mark.slow
def test_a_generator_s_images_are_collected_once_for_each_version_of_its_code(tmp_path):
    (tmp_path / "lamps_generator.py").write_text(GENERATOR)
    (tmp_path / "lamps.yaml").write_text(OWN)
    with own_code_forgotten(tmp_path):
        first = run(tmp_path, str(tmp_path / "lamps.yaml"))
        assert (first.code, first.json["status"]) == (0, "pushed"), first
        assert run(tmp_path, str(tmp_path / "lamps.yaml")).json["nothing_to_do"]
        (part,) = (tmp_path / "w" / "data").rglob("part-*.npz")
        assert np.load(part)["labels"].shape == (240,)
        forget_code(tmp_path)
        (tmp_path / "lamps_generator.py").write_text(GENERATOR.replace("240", "300"))
        assert run(tmp_path, str(tmp_path / "lamps.yaml")).states["ingest"] == "complete"
    (part,) = (tmp_path / "w" / "data").rglob("part-*.npz")
    assert np.load(part)["labels"].shape == (300,)


@pytest.mark.slow
def test_a_folder_of_images_runs_with_nothing_but_a_drafted_file(tmp_path, monkeypatch):
    textures = SOURCES["textures"]
    folder = make(textures, [textures.settings(rows=200, size=32, defect_rate=0.5)], tmp_path / "parts").pattern
    Path(folder.format(SPAN=1)).rename(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    assert invoke(["init", "photos"]).code == 0
    ended = run(tmp_path, "pipeline.yaml", "--set", "training.epochs=30")
    assert (ended.code, ended.json["status"]) == (0, "pushed"), ended
