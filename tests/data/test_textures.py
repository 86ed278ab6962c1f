"""Generated surfaces: seeded, with drift that can be dialled in, and no label that is told by brightness alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from data.textures import TexturesSettings, generate, source, write


def drawn(span: int = 1, **settings) -> tuple[np.ndarray, np.ndarray]:
    images, defects = zip(*generate(TexturesSettings(**{"rows": 600, **settings}), span), strict=True)
    return np.concatenate(images), np.concatenate(defects)


@pytest.fixture(scope="module")
def surfaces():
    return drawn()


def test_images_are_colour_bytes_and_the_share_of_defects_is_as_asked_for(surfaces):
    images, defects = surfaces
    assert images.shape == (600, 64, 64, 3)
    assert images.dtype == np.uint8
    assert defects.sum() == 180


def test_brightness_alone_does_not_give_the_label_away(surfaces):
    images, defects = surfaces
    for brightness in (images.mean(axis=(1, 2, 3)), *images.mean(axis=(1, 2)).T):
        assert 0.4 < roc_auc_score(defects, brightness) < 0.6


def test_a_defect_stands_out_from_its_surface(surfaces):
    """Pixels farther from the image's median than anything on a good surface; on a part of the image only."""
    images, defects = surfaces
    grey = images.mean(axis=3)
    apart = np.abs(grey / np.median(grey, axis=(1, 2), keepdims=True) - 1)
    assert roc_auc_score(defects, np.quantile(apart, 0.98, axis=(1, 2))) > 0.8


def test_the_same_seed_draws_the_same_and_another_span_or_seed_does_not():
    first = drawn(rows=20)
    assert all(np.array_equal(*pair) for pair in zip(first, drawn(rows=20), strict=True))
    for other in (drawn(rows=20, span=2), drawn(rows=20, seed=7)):
        assert not np.array_equal(first[0], other[0])


def test_lighting_darkens_and_noise_roughens():
    plain = drawn(rows=100, noise=0)[0].astype(float)
    dark = drawn(rows=100, noise=0, lighting=0.5)[0].astype(float)
    assert np.abs(dark - plain / 2)[plain < 255].max() <= 1
    noisy = drawn(rows=100, noise=0.1)[0].astype(float)
    assert 0.08 * 255 < (noisy - plain).std() < 0.11 * 255


@pytest.mark.parametrize(("rate", "bad"), [(0.001, 1), (0.999, 9)])
def test_there_is_always_one_image_of_each_class(rate, bad):
    assert drawn(rows=10, defect_rate=rate, size=16)[1].sum() == bad


def test_a_span_is_a_folder_for_each_class(tmp_path):
    write(TexturesSettings(rows=12, size=20), 1, tmp_path / "span")
    images, defects = drawn(rows=12, size=20)
    for number, (image, bad) in enumerate(zip(images, defects, strict=True)):
        path = tmp_path / "span" / ("defect" if bad else "good") / f"{number:06d}.png"
        assert np.array_equal(np.asarray(Image.open(path)), image)
    assert len(list((tmp_path / "span").rglob("*.png"))) == 12


def test_the_source_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setattr("data.textures.TexturesSettings", lambda: TexturesSettings(rows=10, size=16))
    path = source(tmp_path).path
    monkeypatch.setattr("data.textures.write", lambda *arguments: pytest.fail("written again"))
    assert source(tmp_path).path == path
