"""What a step's fingerprint depends on, besides code."""

from __future__ import annotations

from pipeline.settings_file import load
from pipeline.steps import STEPS, step_code


def test_the_content_of_given_weights_counts_for_the_step_that_trains(tmp_path):
    weights = tmp_path / "last.weights.h5"
    settings = load("taxi", [f"model.weights={weights}"]).settings

    def codes():
        return {step: step_code(step, settings) for step in STEPS}

    without, found = codes(), {}
    for content in (b"one", b"other", b"one"):
        weights.write_bytes(content)
        found.setdefault(content, []).append(codes())
    first, again = found[b"one"]
    [other] = found[b"other"]
    assert first == again
    assert len({codes["train"] for codes in (without, first, other)}) == 3
    assert {step for step in STEPS if first[step] != other[step]} <= {"tune", "train"}
