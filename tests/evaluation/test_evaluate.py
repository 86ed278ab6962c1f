"""The step `evaluate`: in memory it finds what the stock Evaluator finds on Beam, and writes it as that does."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from tensorflow_model_analysis.metrics.metric_types import StandardMetricInputs
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2
from tfx import types
from tfx.types import standard_artifacts

from components.evaluation import combine, evaluate, extracts, output, predictions, results
from components.evaluation.config import eval_config
from components.evaluation.mean_loss import LOSSES, MeanLoss
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings
from schema.errors import DataError

ROWS = 400
"""Of the test split."""

PRISM = Path(__file__).parents[2] / ".cache/tools/prism"

TOLERANCE = {"categorical_crossentropy": 1e-6}
"""Keras sums it in 32 bits, so that the order of rows may show. All else agrees to 1e-9."""


def by_slice(folder: str) -> dict[str, dict[str, metrics_for_slice_pb2.MetricKeyAndValue]]:
    """TFMA's values by slice and metric; the metric's key tells the model, and whether it is a difference."""
    found = {}
    for record in tfma.load_metrics(folder):
        key = str(record.slice_key)
        assert key not in found
        found[key] = {json_format.MessageToJson(item.key): item for item in record.metric_keys_and_values}
    return found


@pytest.fixture
def several_batches(monkeypatch):
    """Batches of few rows, so that slices come together from several."""
    monkeypatch.setattr(extracts, "ROWS", 64)


@pytest.mark.parametrize("with_baseline", [False, True], ids=["alone", "with baseline"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_metrics_are_those_that_stock_computes(task, with_baseline, request, several_batches):
    evaluated = request.getfixturevalue(task)
    ours = evaluated.run.__wrapped__("local", with_baseline).uri
    stocks = evaluated.run("stock", with_baseline).uri

    found, expected = by_slice(ours), by_slice(stocks)
    assert found.keys() == expected.keys()
    for key, metrics in expected.items():
        assert found[key].keys() == metrics.keys()
        for name, item in metrics.items():
            value, tolerance = found[key][name].value, TOLERANCE.get(item.key.name, 1e-9)
            if item.value.WhichOneof("type") == "double_value":
                wanted = item.value.double_value.value
                assert value.double_value.value == pytest.approx(wanted, tolerance, tolerance, nan_ok=True), name
            else:
                assert value == item.value, name

    names = sorted([*(path.name for path in Path(stocks).iterdir()), predictions.FILE_NAME])
    assert sorted(path.name for path in Path(ours).iterdir()) == names
    for name in ("eval_config.json", "validations.tfrecord"):
        assert Path(ours, name).read_bytes() == Path(stocks, name).read_bytes()


NEEDS_PRISM = pytest.mark.skipif(not PRISM.is_file(), reason="needs Beam's Prism: see docs/beam.md")


@pytest.mark.parametrize("with_baseline", [False, True], ids=["alone", "with baseline"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(
    "engine",
    [
        "beam",
        pytest.param("processes", marks=pytest.mark.slow),
        pytest.param("prism", marks=[pytest.mark.slow, NEEDS_PRISM]),
    ],
)
def test_beam_s_workers_write_the_same_files(engine, task, with_baseline, request):
    if engine != "processes":  # which would not know of it
        request.getfixturevalue("several_batches")
    if engine != "beam" and (task, with_baseline) != ("binary", True):
        pytest.skip("processes start slowly: one task will do")
    evaluated = request.getfixturevalue(task)
    for recorded in (ROWS, 150):
        ours, theirs = (
            Path(evaluated.run.__wrapped__(each, with_baseline, None, recorded).uri) for each in ("local", engine)
        )
        names = sorted(path.name for path in ours.iterdir())
        assert sorted(path.name for path in theirs.iterdir()) == names
        # A map of protobuf, here of the models, is written in another order by another process.
        one, other = (json.loads((each / "eval_config.json").read_text()) for each in (ours, theirs))
        assert one == other
        for name in set(names) - {"eval_config.json"}:
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    table = predictions.read(theirs)
    assert (table.rows, table.sampled, len(table.label)) == (ROWS, True, 150)


def test_tfma_loads_what_was_written(binary):
    found = tfma.load_eval_result(binary.evaluation.uri, model_name="candidate")
    assert found.model_location == str(Path(binary.candidate.uri, "Format-Serving"))
    assert len(found.slicing_metrics) == len(found.plots) == len(found.attributions)
    overall = dict(found.slicing_metrics)[()]
    assert overall[""][""]["example_count"]["doubleValue"] == len(binary.split.x)


def test_rows_are_in_the_slices_of_all_their_values_and_of_no_missing_one(binary):
    candidate, _ = results.load(binary.evaluation.uri)
    split = binary.split
    payments = {key[0][1]: found.rows for key, found in candidate.items() if [c for c, _ in key] == ["payment_type"]}
    assert payments == {name: (split.payment == name).sum() for name in ("Cash", "Crédit", "Pcard")}
    night, rain = ([tag in tags for tags in split.tags] for tag in ("night", "rain"))
    assert candidate[(("tags", "night"),)].rows == sum(night)
    assert candidate[(("tags", "rain"),)].rows == sum(rain)
    both = np.array(rain) & (split.payment == "Cash")
    assert candidate[(("payment_type", "Cash"), ("tags", "rain"))].rows == both.sum()
    assert not [key for key in candidate if "a_column_without_values" in dict(key)]


@pytest.mark.parametrize(("shape", "most"), [((512, 512, 3), 2), ((4096, 4096, 3), 1), ((1,), 5)])
def test_a_model_of_large_inputs_is_asked_about_a_few_rows_at_once(shape, most):
    def ask(examples):
        return {"rows": tf.fill([len(examples)], len(examples))}

    inputs = {"input": tf.TensorSpec((None, *shape), tf.float32)}
    model = SimpleNamespace(
        signatures={"transform_features": SimpleNamespace(structured_outputs=inputs), "rows": ask},
    )
    found = extracts.call(model, "rows", [b"row"] * 5)["rows"].tolist()
    assert (len(found), max(found)) == (5, most)


def test_damaged_examples_are_told_with_file_and_record(tmp_path):
    path = tmp_path / "data_tfrecord-00000-of-00001"
    content = bytearray(extracts.tfrecord.frame([b"first", b"second"]))
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged") as raised:
        list(extracts.batches([path], extracts.saved_models({}), []))
    assert raised.value.where == f"{path}, record 2"


CONFIG = tfma.utils.update_eval_config_with_defaults(
    eval_config(
        EvaluationSettings.model_validate({"thresholds": {"auc": {"min": 0}}}), LabelSettings(name="x", task="binary")
    ),
    has_baseline=False,
)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 1), st.floats(0.01, 0.99)), min_size=1, max_size=30
    ),
    size=st.integers(1, 30),
)
@settings(max_examples=20, deadline=None)
def test_neither_batches_nor_other_slices_change_a_slice(rows, size):
    def row(value, label, score, *keys):
        inputs = {"labels": np.array([label]), "predictions": np.array([score])}
        return frozenset({(), (("column", value),)}), StandardMetricInputs(inputs)

    every = [row(*each) for each in rows]
    found = combine.evaluate((every[start : start + size] for start in range(0, len(every), size)), CONFIG)
    assert set(found) == {(), *((("column", value),) for value, _, _ in rows)}
    for key, metrics in found.items():
        alone = combine.evaluate([[(frozenset({()}), inputs) for keys, inputs in every if key in keys]], CONFIG)
        for metric, value in alone[()].items():
            if isinstance(value, float):
                assert metrics[metric] == pytest.approx(value, nan_ok=True), metric


@pytest.mark.parametrize("several", [False, True], ids=["alone", "with baseline"])
def test_several_workers_of_beam_find_the_mean_losses_that_one_finds(several):
    """TFMA's own count the first worker's share twice."""
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 60).astype(float), rng.random(60)
    models = ("candidate", "baseline") if several else ("",)
    config = config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec(name=name) for name in models])
    metrics = [MeanLoss(loss, loss) for loss in LOSSES]
    computations = [each for metric in metrics for each in metric.computations(config, model_names=list(models))]
    rows = [
        StandardMetricInputs({"labels": np.array([label]), "predictions": prediction})
        for label, score in zip(labels, scores, strict=True)
        for prediction in [dict.fromkeys(models, np.array([score])) if several else np.array([score])]
    ]
    combine = beam.combiners.SingleInputTupleCombineFn(*(each.combiner for each in computations))
    shares = [rows[:40], rows[40:50], rows[50:]]
    merged = combine.merge_accumulators([combine.add_inputs(combine.create_accumulator(), share) for share in shares])
    found = {key.name: value for values in combine.extract_output(merged) for key, value in values.items()}
    assert found == {
        "binary_crossentropy": pytest.approx(sk.log_loss(labels, scores)),
        "squared_error": pytest.approx(sk.mean_squared_error(labels, scores)),
        "absolute_error": pytest.approx(sk.mean_absolute_error(labels, scores)),
    }


def test_a_score_that_is_all_but_certain_has_a_finite_cross_entropy():
    assert LOSSES["binary_crossentropy"](1, 1.0) == 0
    assert LOSSES["binary_crossentropy"](0, 1.0) == pytest.approx(-np.log(1e-7))


def test_without_rows_there_is_nothing_to_judge(binary, tmp_path):
    output.write(combine.evaluate([], CONFIG), CONFIG, {"": "model"}, tmp_path)
    assert list(tfma.load_metrics(str(tmp_path))) == []
    with pytest.raises(DataError, match="no rows"):
        results.load(str(tmp_path))


def test_the_component_has_the_outputs_of_the_evaluator():
    examples, model = types.Channel(standard_artifacts.Examples), types.Channel(standard_artifacts.Model)
    component = evaluate.Evaluate(examples, model, model, CONFIG, "{}", "fingerprint")
    assert component.outputs["evaluation"].type is standard_artifacts.ModelEvaluation
    assert component.outputs["blessing"].type is standard_artifacts.ModelBlessing
    assert component.exec_properties["code"] == "fingerprint"
