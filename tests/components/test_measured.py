"""The ranges that later images may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.measured import MEASURES, later_range, measured


def test_a_camera_that_turned_dark_lies_outside_and_its_other_days_inside():
    low, high = later_range("brightness", 0.4, 0.6)
    assert (low, high) == pytest.approx((0.3, 0.7))


def test_images_of_one_size_stay_of_that_size_and_others_may_vary():
    assert later_range("width", 640, 640) == (640, 640)
    assert later_range("height", 100, 301) == (1, 402)
    assert later_range("channels", 1, 3) == (1, 3)


def test_sharpness_is_compared_by_ratio():
    assert later_range("sharpness", 100, 900) == (50, 1800)


def test_a_format_has_no_range():
    assert later_range("format", 0, 0) is None


@given(st.sampled_from([name for name, kind in MEASURES.items() if kind != "string"]), st.data())
def test_what_was_seen_lies_within(measure, data):
    values = st.floats(0, 1) if measure == "brightness" else st.integers(1, 1000)
    low, high = sorted((data.draw(values), data.draw(values)))
    least, most = later_range(measure, low, high)
    assert least <= low <= high <= most
    assert least >= 0


def test_measured_features_are_named_after_the_image():
    assert measured(["a", "b"]) == {f"{image}_{name}": kind for image in "ab" for name, kind in MEASURES.items()}
