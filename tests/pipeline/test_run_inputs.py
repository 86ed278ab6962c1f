"""Kinds of input and of label, each in a whole run."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from small_pipeline import SETTINGS, invoke, sales, write_csv

from components.ingest.encode import Encoder
from components.ingest.tfrecord import frame


def parquet(pipeline) -> str:
    path = pipeline.folder / "sales.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(sales()), path)
    return "sales.parquet"


def several_parquet(pipeline) -> str:
    for number in range(3):
        path = pipeline.folder / f"part-{number}.parquet"
        pyarrow.parquet.write_table(pa.Table.from_pylist(sales(300, seed=number)), path)
    return "part-*.parquet"


def tfrecord(pipeline) -> str:
    batch = pa.RecordBatch.from_pylist(sales())
    (pipeline.folder / "sales.tfrecord").write_bytes(frame(Encoder().encode(batch)))
    return "sales.tfrecord"


def zipped(pipeline) -> str:
    text = write_csv(pipeline.folder / "sales.csv", sales()).read_bytes()
    (pipeline.folder / "sales.csv.gz").write_bytes(gzip.compress(text))
    return "sales.csv.gz"


@pytest.mark.parametrize(
    "write",
    [
        parquet,
        tfrecord,
        pytest.param(several_parquet, marks=pytest.mark.slow),
        pytest.param(zipped, marks=pytest.mark.slow),
    ],
    ids=lambda write: write.__name__,
)
def test_every_format_gives_the_same_kind_of_release(new, write):
    pipeline = new()
    path = write(pipeline)
    pipeline.change(lambda settings: settings["data"].update(path=path))
    ended = pipeline.run()
    assert ended.code == 0, ended
    assert ended.json["release"]["version"] == 1
    assert ended.json["metrics"]["auc"] > 0.9
    assert pipeline.run().json["nothing_to_do"]


def test_the_same_rows_in_another_format_land_in_the_same_splits(new):
    pipeline = new()
    sizes = []
    for write in (zipped, parquet, tfrecord):
        assert pipeline.run("--to", "ingest", "--set", f"data.path={pipeline.folder / write(pipeline)}").code == 0
        folders = (pipeline.workspace.artifacts("sales") / "ingest/examples").iterdir()
        latest = max(folders, key=lambda folder: int(folder.name))
        sizes.append({path.parent.name: path.stat().st_size for path in latest.glob("Split-*/*")})
    assert sizes[0] == sizes[1] == sizes[2]


def test_the_latest_span_is_read_or_the_one_that_is_asked_for(released):
    for number in (2, 10):
        released.span(number, sales(200, seed=number))
    assert released.run("--to", "ingest").code == 0
    assert released.run("--to", "ingest", "--set", "data.span=2").code == 0
    assert [row.span for row in released.history.runs()] == [2, 10, 1]


def multiclass(row):
    return row | {"again": ["low", "middle", "high"][min(int(row["amount"] // 20), 2)]}


def test_a_label_of_several_classes(new):
    import tensorflow as tf

    pipeline = new()
    pipeline.span(1, [multiclass(row) for row in sales()])

    def edit(settings):
        settings["label"] = {"name": "again", "task": "multiclass", "classes": ["low", "middle", "high"]}
        settings["evaluation"].update(
            thresholds={"accuracy": {"min": 0.4}, "macro_f1": {"min": 0.2, "slices": {"shop": {"min": 0.05}}}},
            change_thresholds={"categorical_crossentropy": 0.5},
            max_gap={"accuracy": 0.5},
        )
        settings["training"].update(epochs=3, class_weights="balanced")

    pipeline.change(edit)
    ended = pipeline.run()
    assert ended.code == 0, ended
    assert set(ended.json["metrics"]) == {
        "accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "categorical_crossentropy",
    }
    scores = scored(tf, ended.json["release"]["path"], [3.0, 58.0])
    assert scores.shape == (2, 3)
    assert list(scores.argmax(axis=1)) == [0, 2]


def test_a_label_that_is_a_number(new):
    import tensorflow as tf

    pipeline = new()
    pipeline.span(1, [row | {"again": round(row["amount"] / 10 + row["weekday"], 3)} for row in sales()])

    def edit(settings):
        settings["label"] = {"name": "again", "task": "regression"}
        settings["evaluation"].update(
            thresholds={"mean_absolute_error": {"max": 3, "slices": {"amount": {"max": 5}}}},
            change_thresholds={"mean_squared_error": 2},
            max_gap={"mean_squared_error": 5},
        )
        settings["training"].update(epochs=5)

    pipeline.change(edit)
    ended = pipeline.run()
    assert ended.code == 0, ended
    assert set(ended.json["metrics"]) == {"mean_squared_error", "mean_absolute_error", "calibration"}
    low, high = scored(tf, ended.json["release"]["path"], [1.0, 60.0])[:, 0]
    assert low < high
    second = pipeline.run("--set", "evaluation.thresholds.mean_absolute_error.max=2.9")
    assert second.code == 0, second
    compared = [each for each in second.json["decisions"] if each["rule"].startswith("change_threshold")]
    assert [each["outcome"] for each in compared] == ["pass"]


def scored(tf, path, amounts):
    predict = tf.saved_model.load(path).signatures["predict"]
    rows = len(amounts)
    return predict(
        amount=tf.constant(amounts),
        miles=tf.constant([2.0] * rows),
        weekday=tf.constant([3] * rows, tf.int64),
        shop=tf.constant(["west"] * rows),
    )["scores"].numpy()


@pytest.mark.slow
def test_the_classification_preset(tmp_path):
    workspace = tmp_path / "w"
    ended = invoke(["run", "classification", "--workspace", str(workspace), "--json"])
    assert ended.code == 0, ended
    assert ended.json["metrics"]["binary_accuracy"] >= 0.7
    assert (workspace / "serving/classification/1/saved_model.pb").is_file()
    [record] = workspace.glob("artifacts/classification/train/model_run/*/training.json")
    assert json.loads(record.read_text())["epochs"] == 10


def test_one_workspace_holds_several_pipelines(released, tmp_path):
    other = tmp_path / "shops.yaml"
    other.write_text(
        SETTINGS.replace("name: sales", "name: shops").replace("span-{SPAN}", str(released.folder / "span-1"))
    )
    before = released.serving()
    ended = invoke(["run", str(other), "--workspace", str(released.workspace.root), "--json"])
    assert ended.code == 0, ended
    assert ended.json["drift"]["reference"] is None
    assert ended.json["release"]["path"].endswith("serving/shops/1")
    after = released.serving()
    assert {name: after[name] for name in before if name != "models.config"} == {
        name: content for name, content in before.items() if name != "models.config"
    }
    assert b'name: "sales"' in after["models.config"]
    assert b'name: "shops"' in after["models.config"]
    assert released.run().json["nothing_to_do"]
