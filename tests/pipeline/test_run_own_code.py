"""The user's own functions, written beside the settings file, in whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pipeline import forget_code

OWN = '''\
import keras
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft


def prepare(batch):
    """The label from a column that the model never sees; no sale on day 7."""
    batch = batch.filter(pc.not_equal(batch["weekday"], 7))
    return batch.append_column("bought", pc.if_else(pc.equal(batch["again"], 1), "yes", "no"))


def preprocessing_fn(inputs):
    def dense(name, default):
        tensor = inputs[name]
        shape = tf.stack([tensor.dense_shape[0], 1])
        return tf.sparse.to_dense(tf.SparseTensor(tensor.indices, tensor.values, shape), default)

    return {
        "amount_scaled": tft.scale_to_z_score(dense("amount", 0.0)),
        "shop_id": tft.compute_and_apply_vocabulary(dense("shop", "none"), num_oov_buckets=1),
    }


def build(inputs, head, settings):
    tensors = {each.name: keras.Input((each.width,), name=each.name, dtype=each.dtype) for each in inputs}
    parts = [
        tensors[each.name]
        if each.ids is None
        else keras.layers.Flatten()(keras.layers.Embedding(each.ids, 2)(tensors[each.name]))
        for each in inputs
    ]
    x = keras.layers.Concatenate()(parts)
    x = keras.layers.Dense(settings.layers[0].units, "tanh")(x)
    return keras.Model(tensors, keras.layers.Dense(head.units, head.activation)(x), name="mine")


def falls(*arguments):
    raise ValueError("the moon is full")
'''


@pytest.fixture
def own(released):
    (released.folder / "own_sales.py").write_text(OWN, encoding="utf-8")
    return released


def use_all(settings):
    settings["data"]["prepare"] = "own_sales:prepare"
    settings["label"] = {"name": "bought", "classes": ["no", "yes"]}
    settings["features"] = {
        "preprocessing_fn": "own_sales:preprocessing_fn",
        "columns": {"amount": {}, "shop": {"type": "string"}},
    }
    settings["model"]["build"] = "own_sales:build"
    settings["training"]["epochs"] = 2


def test_functions_of_the_user_s_own_all_the_way_to_the_release(own):
    import tensorflow as tf

    own.change(use_all)
    ended = own.run()
    assert ended.code == 0, ended
    model = tf.saved_model.load(ended.json["release"]["path"])
    predict = model.signatures["predict"]
    assert set(predict.structured_input_signature[1]) == {"amount", "shop"}
    scores = predict(amount=tf.constant([58.0, 2.0]), shop=tf.constant(["north", ""]))["scores"].numpy()[:, 0]
    assert scores[0] > 0.5 > scores[1]
    transformed = model.signatures["transform_features"].structured_outputs
    assert set(transformed) == {"amount_scaled", "shop_id"}


@pytest.mark.parametrize(
    ("setting", "step"),
    [
        ("data.prepare", "ingest"),
        ("features.preprocessing_fn", "transform"),
        ("model.build", "train"),
    ],
)
def test_a_function_that_raises_is_named_in_one_sentence(own, setting, step):
    def use(settings):
        section, key = setting.split(".")
        settings[section][key] = "own_sales:falls"
        for column in settings["features"]["columns"].values():
            column.pop("transform", None)

    own.change(use)
    before = own.serving()
    ended = own.command("run")
    output = ended.stdout + ended.stderr
    assert ended.code == 1
    assert "ValueError: the moon is full" in output
    assert "own_sales" in output
    assert "line 40" in output
    for trace in ("Traceback", "apache_beam", "[while running"):
        assert trace not in output
    assert own.serving() == before
    if ended.stdout:
        assert f"{step}: failed" in ended.stdout
        log = Path(ended.stdout.partition("log: ")[2].splitlines()[0])
        assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_network_that_does_not_fit_the_label_is_told(own):
    (own.folder / "own_sales.py").write_text(OWN.replace("Dense(head.units,", "Dense(3,"), encoding="utf-8")
    ended = own.run("--set", "model.build=own_sales:build")
    assert ended.code == 1
    assert "expected: a keras.Model with output shape (None, 1)" in ended.json["error"]
    assert "(None, 3)" in ended.json["error"]


def test_an_edit_of_what_an_own_module_imports_is_seen(own):
    (own.folder / "own_sales.py").write_text(
        OWN.replace('"tanh"', "own_names.ACTIVATION").replace("import keras\n", "import keras\nimport own_names\n", 1)
    )
    (own.folder / "own_names.py").write_text('ACTIVATION = "tanh"\n')
    own.change(lambda settings: settings["model"].update(build="own_sales:build"))
    assert "train" in own.run("--to", "train").ran
    assert "train" not in own.run("--to", "train").ran
    (own.folder / "own_names.py").write_text('ACTIVATION = "relu"\n')
    forget_code(own.folder)
    assert "train" in own.run("--to", "train").ran
