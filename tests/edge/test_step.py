"""The step `edge` on real models: raw rows in, the full model's scores out, measured as the full model is."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from ai_edge_litert import interpreter as litert
from pictures import encoded
from small_edge import EVALUATION, Made
from small_images import decode, striped

from components.edge.make import make
from components.edge.settings import Recipe
from components.evaluation import combine, extracts, output, results, saved_model
from components.evaluation.config import eval_config, for_models
from components.evaluation.results import Evaluation
from schema.errors import DataError


def runner(made: Made, name: str):
    content = (made.folder / f"{name}.tflite").read_bytes()
    return litert.Interpreter(model_content=content).get_signature_runner("serving_default")


def full(made: Made, signature: str, **arguments) -> np.ndarray:
    loaded = tf.saved_model.load(str(made.trained.model))
    return loaded.signatures[signature](**arguments)["scores"].numpy()


@pytest.mark.parametrize(("name", "tolerance"), [("float32", 1e-5), ("float16", 0.01), ("int8", 0.1)])
def test_pixels_as_a_camera_gives_them_get_the_score_of_their_file(of_images, name, tolerance):
    score = runner(of_images, name)
    files = [encoded(striped(stripes, seed=seed)) for stripes in ("across", "down") for seed in range(5)]
    pixels = [decode(file)[np.newaxis] for file in files]
    assert pixels[0].dtype == np.uint8
    found = np.concatenate([score(photo=each)["scores"] for each in pixels])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, full(of_images, "predict", photo=tf.constant(files)), atol=tolerance)


def test_raw_columns_get_the_score_that_the_predict_signature_gives_missing_values_too(of_numbers):
    rows = of_numbers.trained.rows[:60]
    columns = {
        name: np.array([missing if row[name] is None else row[name] for row in rows], dtype)
        for name, missing, dtype in (
            ("miles", np.nan, np.float32),
            ("fare", np.nan, np.float32),
            ("latitude", np.nan, np.float32),
            ("hour", -(2**63), np.int64),
        )
    }
    assert np.isnan(columns["miles"]).any()
    assert (columns["hour"] < 0).any()
    score = runner(of_numbers, "float32")
    found = [score(**{name: values[row : row + 1] for name, values in columns.items()}) for row in range(60)]
    expected = full(of_numbers, "predict", **{name: tf.constant(values) for name, values in columns.items()})
    np.testing.assert_allclose(np.concatenate([each["scores"] for each in found]), expected, atol=1e-5)


def test_files_are_on_record_with_their_sizes_and_inputs(of_images, of_numbers):
    for made in (of_images, of_numbers):
        for variant in made.variants.values():
            content = (made.folder / variant.file).read_bytes()
            assert (variant.bytes, variant.gzip_bytes) == (len(content), len(gzip.compress(content)))
    images, numbers = of_images.variants, of_numbers.variants
    assert images["int8"].bytes < images["float16"].bytes < images["float32"].bytes
    assert images["int8"].inputs == {"photo": "uint8 [1, 16, 16, 3]"}
    assert numbers["int8"].inputs["hour"] == "int64 [1]"
    assert numbers["int8"].sparsity is None
    assert numbers["pruned"].sparsity == pytest.approx(0.6, abs=0.02)
    assert numbers["pruned"].gzip_bytes < numbers["int8"].gzip_bytes


def evaluated(made: Made) -> Evaluation:
    """The full model, measured as the step `evaluate` does."""
    config = tfma.utils.update_eval_config_with_defaults(eval_config(EVALUATION, made.settings.label))
    config = for_models(config, {"": saved_model.facts(str(made.trained.model))})
    ask = extracts.saved_models({"": str(made.trained.model)})
    found = combine.evaluate(extracts.batches(made.source.files["test"], ask, config.slicing_specs), config)
    folder = made.folder.parent / "full"
    output.write(found, config, {}, folder)
    return results.load(str(folder))[0]


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_variants_are_measured_on_the_same_slices_by_the_same_metrics(of_images, name):
    expected = evaluated(of_images)
    found, _ = results.load(str(of_images.folder / "evaluation" / name))
    assert found.keys() == expected.keys()
    assert len(found) > 10
    for key, metrics in expected.items():
        assert found[key].rows == metrics.rows
        if name == "float32":
            assert found[key].metrics == pytest.approx(metrics.metrics, abs=1e-4, nan_ok=True)


def test_int8_without_representative_data_says_so(of_numbers, tmp_path):
    source = of_numbers.source
    nothing = replace(source, files={**source.files, "train": []})
    settings = of_numbers.settings.model_copy(update={"recipes": {"int8": Recipe(format="int8")}})
    with pytest.raises(DataError, match="cannot be made without representative data"):
        make(nothing, settings, tmp_path)
