"""A whole pipeline with models for the edge, run again with other bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pipeline import SETTINGS, make
from small_pipeline import STEPS as PLAIN_STEPS

from serving import releases

STEPS = [*PLAIN_STEPS[:9], "edge", *PLAIN_STEPS[9:]]

EDGE = """\
edge:
  representative_rows: 50
  variants:
    float32: {format: float32}
    int8: {format: int8, thresholds: {auc: {min: 0.6, slices: {shop: {min: 0.1}}}}, change_thresholds: {auc: 0.1}}
"""


def only_numbers(settings: str) -> str:
    lines = settings.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("    weekday:", "    shop: {type"))) + "\n"


@pytest.mark.slow
def test_variants_are_made_judged_and_released_beside_the_model(tmp_path):
    pipeline = make(tmp_path, only_numbers(SETTINGS) + EDGE)
    ended = pipeline.run()
    assert ended.code == 0, ended
    assert [step["id"] for step in ended.json["steps"]] == STEPS
    assert {each["name"]: each["passed"] for each in ended.json["edge"]} == {"float32": True, "int8": True}
    assert {each["step"] for each in ended.json["decisions"]} >= {"judge", "edge"}
    float32, int8 = ended.json["edge"]
    assert float32["metrics"] == pytest.approx(ended.json["metrics"], abs=1e-3)
    assert int8["metrics"]["auc"] == pytest.approx(ended.json["metrics"]["auc"], abs=0.1)
    assert "slices" not in int8
    assert released(pipeline) == (1, ["float32.tflite", "int8.tflite"])

    shown = pipeline.show(ended.json["run_id"], "--json")
    assert {each["slice"] for each in shown.json["edge"][1]["slices"]} == {"shop", "amount"}
    assert "for the edge" in pipeline.show(ended.json["run_id"]).stdout
    assert pipeline.run().json["nothing_to_do"]

    pipeline.change(lambda settings: settings["edge"]["variants"]["int8"].update(max_bytes=100))
    ended = pipeline.run()
    assert ended.code == 0, "the full model earned its release"
    assert ended.states["edge"] == "cached", "other bounds are no reason to convert again"
    [blocked] = [each for each in ended.json["decisions"] if each["outcome"] == "block"]
    assert (blocked["step"], blocked["rule"], blocked["subject"]) == ("edge", "max_bytes", "int8: overall")
    assert released(pipeline) == (2, ["float32.tflite"])

    pipeline.change(lambda settings: settings["edge"]["variants"]["int8"].update(required=True))
    ended = pipeline.run()
    assert (ended.code, ended.json["status"]) == (3, "not_blessed")
    assert released(pipeline) == (2, ["float32.tflite"])

    pipeline.change(lambda settings: settings.pop("edge"))
    ended = pipeline.run()
    assert [step["id"] for step in ended.json["steps"]] == list(PLAIN_STEPS)
    assert released(pipeline) == (3, [])


def released(pipeline) -> tuple[int, list[str]]:
    release = releases.in_service(pipeline.workspace.serving, "sales")
    assert releases.verify(release) == []
    return release.version, sorted(path.name for path in Path(release.path, "assets.extra/edge").glob("*"))
