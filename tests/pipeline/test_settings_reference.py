"""scripts/settings-reference: docs/settings.md says what the settings' classes say."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

from pipeline.settings import PipelineSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference():
    loader = importlib.machinery.SourceFileLoader("settings_reference", str(ROOT / "scripts/settings-reference"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("settings_reference", loader))
    loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_would_write(reference):
    assert reference.PAGE.read_text("utf-8") == reference.render(), "write it anew: scripts/settings-reference"


def test_every_section_and_every_key_is_told(reference):
    page = reference.render()
    for field in PipelineSettings.model_fields.values():
        section = field.annotation
        for key in getattr(section, "model_fields", ()):
            assert f"| `{key}` |" in page


def test_types_bounds_and_defaults_are_told_in_words(reference):
    page = reference.render()
    assert "| `max_quarantined` | number >= 0 and <= 1 | `0.01` |" in page
    assert "| `of` | list of 2 or more: string | required |" in page
    assert "| `early_stopping` | section or null | as below |" in page


def test_sections_by_name_and_in_lists_have_a_table_of_their_own(reference):
    page = reference.render()
    assert "\n## `features.columns.*`\n" in page
    assert "\n## `model.layers[*]`\n" in page


def test_a_section_within_itself_is_told_once(reference):
    assert "evaluation.thresholds.*.slices.*" not in reference.render()
