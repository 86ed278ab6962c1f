"""The section `edge`: what is refused before anything starts."""

from __future__ import annotations

import pytest

from pipeline.settings_file import load
from schema.errors import SettingsError

IMAGES = """\
name: photos
data: {path: photos}
label: {name: kind, task: multiclass, classes: [a, b, c]}
features:
  images: {photo: {}}
model: {build: cnn}
evaluation:
  slices: {kind: kind}
  thresholds:
    accuracy: {min: 0.5}
edge:
  variants:
    float16: {format: float16, change_thresholds: {accuracy: 0.01}}
    int8: {format: int8, pruning: {}, thresholds: {accuracy: {min: 0.4, slices: {kind: {min: 0.1}}}}}
"""

COLUMNS = """\
name: trips
data: {path: trips.csv}
label: {name: tipped}
features:
  columns:
    fare: {transform: [log, zscore], indicator: true}
    hour: {type: int, transform: minmax}
evaluation:
  thresholds:
    auc: {min: 0.5}
edge:
  variants:
    int8: {format: int8}
"""


@pytest.fixture
def refused(tmp_path):
    def told(text: str, *overrides: str) -> str:
        file = tmp_path / "pipeline.yaml"
        file.write_text(text, encoding="utf-8")
        assert load(str(file)).settings.edge, "good without the override"
        with pytest.raises(SettingsError) as caught:
            load(str(file), overrides)
        return str(caught.value)

    return told


@pytest.mark.parametrize(
    ("text", "override", "words"),
    [
        (IMAGES, "edge.representative_rows=0", ["representative_rows", "needs representative data", "`int8`"]),
        (IMAGES, "edge.variants.int8.format=int4", ["int4", "did you mean `int8`?"]),
        (IMAGES, "edge.variants.int8.change_thresholds.acuracy=0.1", ["`acuracy`", "no metric of a multiclass task"]),
        (IMAGES, "edge.variants.int8.thresholds.auc.min=0.1", ["`auc`", "no metric of a multiclass task"]),
        (IMAGES, "edge.variants.int8.thresholds.accuracy.min=1.5", ["`int8`", "lies between 0 and 1", "1.5"]),
        (IMAGES, "edge.variants.int8.thresholds.accuracy.slices.shop.min=0.1", ["names the slice `shop`"]),
        (IMAGES, "edge.variants.int8.thresholds={}", ["`int8`", "would ever be blessed"]),
        (IMAGES, "edge.variants.int8.pruning.sparsity=1", ["sparsity", "less than 1"]),
        (IMAGES, "edge.variants={}", ["edge.variants", "1 or more"]),
        (IMAGES, "edge.variants={a/b: {format: int8}}", ["`a/b` names a file"]),
        (IMAGES, "features.columns.fare={}", ["images, or numbers", "received: both"]),
        (COLUMNS, "features.columns.hour.transform=identity", ["numbers scaled", "`hour`", "identity"]),
        (COLUMNS, "features.columns.shop.type=string", ["numbers scaled", "`shop`, a string column with vocabulary"]),
        (COLUMNS, "features.columns.fare.transform=bucketize", ["numbers scaled", "`fare`", "bucketize"]),
        (COLUMNS, "edge.variants.int8.format=float16", ["float16 would round the means", "take float32 or int8"]),
        (
            COLUMNS.replace("{transform: [log, zscore], indicator: true}", "{}").replace("transform: minmax", ""),
            "features.preprocessing_fn=own:preprocess",
            ["a `preprocessing_fn` of your own"],
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused(refused, text, override, words):
    message = refused(text, override)
    for each in words:
        assert each in message, message
