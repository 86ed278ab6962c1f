"""Transforms that make no sense for a column are refused, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.transform.settings import ColumnSettings, FeaturesSettings


def test_defaults_follow_the_type() -> None:
    assert ColumnSettings(type="float").steps == ("zscore",)
    assert ColumnSettings(type="int").steps == ("zscore",)
    assert ColumnSettings(type="string").steps == ("vocabulary",)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ({"type": "string", "transform": "zscore"}, "needs a number"),
        ({"type": "float", "transform": "vocabulary"}, "needs a string or int"),
        ({"type": "string", "transform": "identity"}, "needs an int"),
        ({"type": "float", "transform": ["zscore", "minmax"]}, "only `log` may come before"),
        ({"type": "float", "transform": "normalise"}, "Input should be"),
        ({"type": "float", "impute": "mode"}, "mean, median or a constant"),
        ({"type": "string", "impute": 3.5}, "is a string"),
        ({"type": "float", "transform": "bucketize", "buckets": 1}, "greater than or equal to 2"),
    ],
)
def test_a_transform_that_does_not_fit_is_refused(column: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ColumnSettings.model_validate(column)


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"columns": {}}, "reads nothing"),
        ({"columns": {"a": {}}, "crosses": {"a": {"of": ["a", "a"]}}}, "has the name of a column"),
        (
            {"columns": {"a": {"type": "string"}}, "crosses": {"x": {"of": ["a", "b"]}}},
            "`b`, which is not among the columns",
        ),
        ({"columns": {"a": {}, "b": {}}, "crosses": {"x": {"of": ["a", "b"]}}}, "give it `bucketize`"),
        ({"columns": {"a": {"transform": "minmax"}}, "preprocessing_fn": "own:fn"}, "leave out"),
    ],
)
def test_features_that_contradict_each_other_are_refused(features: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        FeaturesSettings.model_validate(features)
