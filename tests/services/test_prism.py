"""A pipeline on Prism, Beam's portable runner, which is a program of its own on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pipeline import make

PROGRAM = Path(__file__).resolve().parents[2] / ".cache/tools/prism"

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not PROGRAM.is_file(), reason="no Prism: docs/beam.md shows how to build it")
def test_a_pipeline_runs_on_prism(tmp_path):
    pipeline = make(tmp_path / "sales")
    pipeline.change(lambda settings: settings.update(beam={"runner": "prism", "prism": str(PROGRAM)}))
    ended = pipeline.fresh("run", "--to", "transform", "--no-report", "--json", timeout=600)
    assert ended.code == 0, ended
    assert {ended.states[step] for step in ("ingest", "statistics", "drift", "transform")} == {"complete"}
    assert "prism" not in ended.stderr


def test_without_prism_the_message_says_what_to_name(tmp_path):
    pipeline = make(tmp_path / "sales")
    pipeline.change(lambda settings: settings.update(beam={"runner": "prism", "prism": str(tmp_path / "nowhere")}))
    ended = pipeline.run("--to", "ingest")
    assert ended.code == 1
    error = ended.json["error"]
    assert "Prism, Beam's runner for this machine, is not there and cannot be fetched." in error
    assert f"beam.prism: {tmp_path / 'nowhere'}" in error
