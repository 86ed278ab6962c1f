"""Models for devices beside the SavedModel: those that passed, listed and verified; a new version when they change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.types import standard_artifacts as artifacts

from components.artifacts import EdgeModels
from components.edge import record
from components.edge.record import Variant
from components.evaluation import blessing
from components.release import ReleaseExecutor, ReleaseStepSettings
from serving import releases
from serving.releases import Release


class Released:
    """A blessed model with models for devices, and a serving directory."""

    def __init__(self, folder: Path) -> None:
        self.serving = folder / "serving"
        kinds = {
            "model": artifacts.Model,
            "blessing": artifacts.ModelBlessing,
            "examples": artifacts.Examples,
            "statistics": artifacts.ExampleStatistics,
            "schema": artifacts.Schema,
            "edge_models": EdgeModels,
        }
        self.inputs = {}
        for name, kind in kinds.items():
            artifact = kind()
            artifact.uri = str(folder / name)
            Path(artifact.uri).mkdir()
            self.inputs[name] = [artifact]
        self.write("model", "Format-Serving/saved_model.pb", "network")
        self.write("schema", "schema.pbtxt", "")
        self.write("blessing", "metrics.json", json.dumps({"overall": {"auc": 0.9}, "threshold": None}))
        blessing.write(self.inputs["blessing"][0], True, self.inputs["model"][0], None)

    def write(self, artifact: str, name: str, text: str) -> None:
        path = Path(self.inputs[artifact][0].uri, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def release(self, **passed: bool) -> Release:
        """Releases after the judge let some variants pass."""
        variants = []
        for name, verdict in passed.items():
            content = Path(self.inputs["edge_models"][0].uri, f"{name}.tflite")
            if not content.exists():
                content.write_text(f"the {name} file")
            inputs = {"image": "uint8 [1, 8, 8, 1]"}
            variants.append(Variant(name, "int8", 10, 8, inputs, sparsity=0.5, passed=verdict, metrics={"auc": 0.8}))
        record.write(variants, self.inputs["blessing"][0].uri)
        settings = ReleaseStepSettings(
            pipeline="digits",
            model="digits",
            serving_dir=str(self.serving),
            keep=5,
            code_fingerprint="",
        )
        pushed = artifacts.PushedModel()
        properties = {"settings": settings.model_dump_json(), "run_id": "run", "fingerprint": ""}
        ReleaseExecutor().Do(self.inputs, {"pushed_model": [pushed]}, properties)
        assert pushed.get_int_custom_property("pushed") == 1
        found = releases.in_service(self.serving, "digits")
        assert found is not None
        return found


@pytest.fixture
def digits(tmp_path) -> Released:
    return Released(tmp_path)


def edge_files(release: Release) -> list[str]:
    return sorted(path.name for path in (release.path / "assets.extra" / "edge").glob("*"))


def test_variants_that_passed_are_released_and_the_others_are_not(digits):
    release = digits.release(int8=True, half=False)
    assert edge_files(release) == ["int8.tflite"]
    assert (release.path / "assets.extra/edge/int8.tflite").read_text() == "the int8 file"
    [listed] = release.manifest.edge.values()
    assert (listed.file, listed.format, listed.bytes, listed.gzip_bytes) == ("int8.tflite", "int8", 10, 8)
    assert listed.inputs == {"image": "uint8 [1, 8, 8, 1]"}
    assert (listed.sparsity, listed.metrics) == (0.5, {"auc": 0.8})
    assert "assets.extra/edge/int8.tflite" not in release.manifest.files, "the SavedModel's files alone"


def test_a_model_without_any_variant_that_passed_is_released_as_it_is(digits):
    release = digits.release(int8=False)
    assert edge_files(release) == []
    assert release.manifest.edge == {}
    assert releases.verify(release) == []


def test_they_are_verified_with_the_rest(digits):
    release = digits.release(int8=True, float32=True)
    assert releases.verify(release) == []
    folder = release.path / "assets.extra" / "edge"
    (folder / "int8.tflite").write_text("another file")
    (folder / "float32.tflite").unlink()
    assert releases.verify(release) == [
        "assets.extra/edge/int8.tflite: changed since it was released",
        "assets.extra/edge/float32.tflite: missing",
    ]


def test_the_same_files_are_not_released_twice_and_others_are(digits):
    assert [digits.release(int8=True).version for _ in range(2)] == [1, 1]
    assert digits.release(int8=True, half=True).version == 2
    digits.write("edge_models", "half.tflite", "pruned anew")
    assert digits.release(int8=True, half=True).version == 3
    assert digits.release(int8=True).version == 1, "what is there already is put in service again"
