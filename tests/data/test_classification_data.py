from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from sklearn.datasets import make_classification

from data.files import write_once
from data.sources import materialise


def test_the_rows_are_scikit_learn_s_to_the_last_digit(tmp_path):
    table = pyarrow.csv.read_csv(materialise("classification", tmp_path).path)
    features, labels = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
    assert table.column_names == [*(f"f{number:02d}" for number in range(20)), "label"]
    assert np.array_equal(np.column_stack([table[name] for name in table.column_names[:-1]]), features)
    assert np.array_equal(table["label"], labels)


def test_the_file_is_written_once(tmp_path):
    path = Path(materialise("classification", tmp_path).path)
    before = path.stat().st_mtime_ns
    materialise("classification", tmp_path)
    assert path.stat().st_mtime_ns == before


def test_a_file_that_fails_half_way_is_not_there(tmp_path):
    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_once(tmp_path / "a.csv", fail)
    assert not (tmp_path / "a.csv").exists()
