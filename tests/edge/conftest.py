"""Two trained models, of images and of columns, and the step `edge` run on each."""

from __future__ import annotations

import pytest
import small_images
import small_training
from small_edge import CNN, NUMBERS, PRUNED, Made, run, with_test_split

from components.edge.settings import Recipe


@pytest.fixture(scope="session")
def of_images(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A convolutional network that tells stripes across from stripes down."""
    folder = tmp_path_factory.mktemp("images")
    trained = small_training.build(
        folder,
        small_images.rows(),
        features=small_images.FEATURES,
        label=small_images.LABEL,
        model=CNN,
        sliced="gain",
        epochs=3,
    )
    return run(
        with_test_split(trained),
        folder / "made",
        float32=Recipe(format="float32"),
        float16=Recipe(format="float16"),
        int8=Recipe(format="int8"),
    )


@pytest.fixture(scope="session")
def of_numbers(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A dense network on columns, some of them with missing values."""
    folder = tmp_path_factory.mktemp("numbers")
    rows = small_training.table()[:600]
    for number, row in enumerate(rows):
        row["fare"] = None if number % 11 == 0 else row["fare"]
        row["hour"] = None if number % 13 == 0 else row["hour"]
    trained = small_training.build(folder, rows, features=NUMBERS, epochs=5)
    return run(
        with_test_split(trained),
        folder / "made",
        float32=Recipe(format="float32"),
        int8=Recipe(format="int8"),
        pruned=Recipe(format="int8", pruning=PRUNED),
    )
