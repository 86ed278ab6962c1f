"""Data sets as spans: dealt from one set of rows, or generated one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from data.deal import DealtSettings, deal
from data.images import ShuffledSettings
from data.sources import SOURCES
from data.spans import make
from schema.errors import SettingsError


def rows(*counts: int | None) -> list[DealtSettings]:
    return [DealtSettings(rows=count) for count in counts]


def test_rows_are_dealt_in_even_shares_or_as_many_as_asked_for():
    assert deal(10, rows(None, None, None)) == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert deal(10, rows(2, 5)) == [slice(0, 2), slice(2, 7)]


@pytest.mark.parametrize("counts", [(6, 5), (None,) * 11])
def test_more_rows_than_there_are_cannot_be_dealt(counts):
    with pytest.raises(SettingsError, match="not enough rows") as caught:
        deal(10, rows(*counts))
    assert "at most 10" in caught.value.expected


def test_spans_of_one_set_of_rows_share_its_seed():
    with pytest.raises(SettingsError, match="`seed` has one value for all spans") as caught:
        deal(10, [ShuffledSettings(seed=1), ShuffledSettings(seed=2)])
    assert caught.value.received == "1, 2"


def test_every_digit_is_dealt_once(tmp_path):
    source = SOURCES["digits"]
    made = make(source, [source.settings()] * 3, tmp_path)
    parts = [np.load(made.pattern.format(SPAN=span)) for span in (1, 2, 3)]
    assert [len(part["labels"]) for part in parts] == [599, 599, 599]
    together = np.concatenate([part["images"] for part in parts])
    whole = np.load(source.find(tmp_path).path)["images"]
    assert sorted(image.tobytes() for image in together) == sorted(image.tobytes() for image in whole)


def test_spans_of_the_synthetic_classification_ask_the_same_question(tmp_path):
    source = SOURCES["classification"]
    made = make(source, [source.settings(rows=500)] * 2, tmp_path)
    whole = pyarrow.csv.read_csv(make(source, [source.settings(rows=1000)], tmp_path / "whole").pattern.format(SPAN=1))
    halves = [pyarrow.csv.read_csv(made.pattern.format(SPAN=span)) for span in (1, 2)]
    assert [half.num_rows for half in halves] == [500, 500]
    assert pyarrow.concat_tables(halves) == whole


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def test_spans_that_are_there_stay_as_they_are_unless_forced(tmp_path):
    source = SOURCES["textures"]
    settings = [source.settings(rows=10, size=16)] * 2
    assert make(source, settings, tmp_path)[1:] == ((1, 2), ())
    before = times(tmp_path)
    assert make(source, settings * 2, tmp_path)[1:] == ((3, 4), (1, 2))
    assert before.items() <= times(tmp_path).items()
    assert make(source, settings, tmp_path, force=True).written == (1, 2)
    assert not before.items() <= times(tmp_path).items()


def test_spans_that_depend_on_one_another_are_not_made_one_by_one(tmp_path):
    source = SOURCES["digits"]
    make(source, [source.settings()] * 2, tmp_path)
    assert make(source, [source.settings()] * 2, tmp_path).kept == (1, 2)
    with pytest.raises(SettingsError, match="dealt to all at once") as caught:
        make(source, [source.settings()] * 3, tmp_path)
    assert "--force" in caught.value.fix
    assert make(source, [source.settings()] * 3, tmp_path, force=True).written == (1, 2, 3)
