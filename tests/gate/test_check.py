"""The data gate: what is wrong with the data, told in plain words, and what follows from it."""

import math

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from small_statistics import column, statistics
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.decisions import passed
from components.gate.anomalies import KINDS
from components.gate.check import check
from components.gate.rules import Ingested
from components.gate.settings import GateSettings
from components.label import LabelSettings
from schema.curation import curate

ROWS = 400
RNG = np.random.default_rng(5)
LABEL = LabelSettings(name="tipped")
GOOD = {
    "fare": RNG.lognormal(2, 0.5, ROWS).tolist(),
    "hour": RNG.integers(0, 24, ROWS).tolist(),
    "payment": RNG.choice(["cash", "card", "app"], ROWS).tolist(),
    "tipped": RNG.integers(0, 2, ROWS).tolist(),
}
COLUMNS = {"fare": "float", "hour": "int", "payment": "string"}
SCHEMA = curate(tfdv.infer_schema(statistics(**GOOD)), label="tipped", label_type="int", classes=(0, 1))


def data(**changed):
    return statistics(**{name: rows for name, rows in (GOOD | changed).items() if rows is not None})


def decide(of_splits, schema=SCHEMA, label=LABEL, settings=None, quarantined=0, columns=COLUMNS):
    return check(
        of_splits if isinstance(of_splits, dict) else {"train": of_splits},
        schema,
        settings=settings or GateSettings(),
        label=label,
        columns=columns,
        ingested=Ingested(ROWS, quarantined, 0.01, "quarantine.jsonl", "in.csv, line 7: no label"),
    )


def only(decisions, rule, subject, outcome="block"):
    """The one decision there is, which is about this."""
    assert [(d.rule, d.subject, d.outcome) for d in decisions] == [(rule, subject, outcome)]
    return decisions[0]


def test_data_as_the_schema_says_pass():
    decision = only(decide({"train": data(), "eval": data()}), "fit", "overall", "pass")
    assert decision.message == "800 rows are fit to train on, as the curated schema describes them."


def test_without_a_curated_schema_the_gates_own_rules_decide():
    decision = only(decide(data(), schema=None), "fit", "overall", "pass")
    assert "no curated schema yet" in decision.message


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_a_missing_column_blocks(schema):
    decision = only(decide(data(fare=None), schema), "missing_column", "fare")
    assert "`fare`: expected a column of this name; saw only hour, payment, tipped" in decision.message


def test_a_missing_label_blocks():
    only(decide(data(tipped=None)), "missing_column", "tipped")


def test_a_column_that_only_the_schema_names_blocks_too_when_it_is_missing():
    decision = only(decide(data(hour=None), columns={"fare": "float"}), "missing_column", "hour")
    assert "expected int values, as in the schema" in decision.message


def test_a_new_column_warns():
    decision = only(decide(data(tolls=[1.5] * ROWS)), "new_column", "tolls", "warn")
    assert "float values from 1.5 to 1.5" in decision.message and decision.rows == ROWS


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_text_in_a_numeric_column_blocks(schema):
    decision = only(decide(data(fare=["much"] * ROWS), schema), "type", "fare")
    assert "expected float values" in decision.message
    assert "saw string values, such as 'much'" in decision.message
    assert decision.rows == ROWS


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_fractions_in_an_integer_column_block(schema):
    only(decide(data(hour=[0.5] * ROWS), schema), "type", "hour")


def test_integers_in_a_float_column_are_fine_where_no_schema_says_otherwise():
    only(decide(data(fare=[3] * ROWS), schema=None), "fit", "overall", "pass")


def test_an_unexpected_value_blocks_and_is_named_with_its_rows():
    payment = ["crypto"] * 7 + ["iou"] * 2 + GOOD["payment"][9:]
    decision = only(decide(data(payment=payment)), "unexpected_value", "payment")
    assert "expected one of 'app', 'card', 'cash'; saw 'crypto' (7), 'iou' (2) in train (9 rows)" in decision.message
    assert decision.rows == 9
    assert "gate.features.payment.unexpected_value: warn" in decision.message


def test_at_most_five_unexpected_values_are_listed():
    decision = only(
        decide(data(payment=[f"new {n}" for n in range(8)] + GOOD["payment"][8:])), "unexpected_value", "payment"
    )
    assert decision.value.count("'new") == 5 and "and 3 more" in decision.value


def test_unexpected_values_of_all_splits_are_told_together():
    bad = data(payment=["crypto"] * 7 + GOOD["payment"][7:])
    decision = only(decide({"train": bad, "eval": data(), "test": bad}), "unexpected_value", "payment")
    assert decision.value == "'crypto' (14) in train, test"
    assert decision.rows == 14


def test_a_value_out_of_range_blocks():
    schema = curate(SCHEMA, label="tipped", label_type="int", classes=(0, 1))
    hour = next(feature for feature in schema.feature if feature.name == "hour")
    hour.int_domain.min, hour.int_domain.max = 0, 23
    decision = only(decide(data(hour=[99] * 5 + GOOD["hour"][5:]), schema), "out_of_range", "hour")
    assert "expected 0 to 23; saw 0 to 99 in train (about" in decision.message
    assert decision.rows == pytest.approx(5, abs=1)


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_a_feature_without_a_value_in_the_train_split_blocks(schema):
    train = data(payment=column([None] * ROWS, "string"))
    decision = only(decide({"train": train, "eval": data()}, schema), "all_missing", "payment")
    assert "saw none in any row in train (400 rows)" in decision.message


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_nan_and_infinity_block(schema):
    fare = [math.nan] * 3 + [math.inf] * 2 + [-math.inf] + GOOD["fare"][6:]
    decision = only(decide(data(fare=fare), schema), "non_finite", "fare")
    assert "expected finite numbers; saw NaN (3), infinity (3)" in decision.message
    assert decision.rows == 6


def test_nan_in_a_column_that_nothing_reads_is_no_concern():
    only(decide(data(other=[math.nan] * ROWS), schema=None), "fit", "overall", "pass")


def test_missing_values_beyond_what_the_schema_allows_warn():
    decision = only(decide(data(payment=[None] * 100 + GOOD["payment"][100:])), "missing_values", "payment", "warn")
    assert "expected at most 0.0% of the rows without a value; saw 25.0% in train (100 rows)" in decision.message


@pytest.mark.parametrize("schema", [SCHEMA, None])
@pytest.mark.parametrize("kind", ["float", "string"])
def test_a_column_without_any_value_blocks(schema, kind):
    decision = only(decide(data(fare=column([None] * ROWS, kind)), schema), "all_missing", "fare")
    assert "`fare`: expected values; saw none in any row (400 rows)" in decision.message


def test_a_column_that_one_split_lacks_blocks():
    decision = only(decide({"train": data(), "eval": data(hour=None)}), "all_missing", "hour")
    assert "in eval" in decision.message


@pytest.fixture
def sparse_schema():
    """A schema that lets the fare be missing in any number of rows."""
    inferred = tfdv.infer_schema(data(fare=[1.0] + [None] * (ROWS - 1)))
    return curate(inferred, label="tipped", label_type="int", classes=(0, 1))


def test_a_sparse_column_may_lack_in_a_small_split(sparse_schema):
    splits = {"train": data(), "eval": data(fare=column([None] * ROWS))}
    only(decide(splits, sparse_schema), "missing_values", "fare", "warn")


def test_a_sparse_column_that_nothing_reads_may_lack_in_a_whole_span(sparse_schema):
    nothing = data(fare=column([None] * ROWS))
    only(decide(nothing, sparse_schema, columns={}), "missing_values", "fare", "warn")
    only(decide(nothing, sparse_schema), "all_missing", "fare")


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_a_label_never_seen_blocks(schema):
    tipped = [7] * 3 + [-1] * 2 + GOOD["tipped"][5:]
    decision = only(decide(data(tipped=tipped), schema), "unexpected_value", "tipped")
    assert "expected one of [0, 1] in every row; saw -1, 7" in decision.message
    assert decision.rows == pytest.approx(5, abs=2)


def test_a_label_between_the_classes_is_seen_too():
    label = LabelSettings(name="tipped", task="multiclass", classes=(1, 3, 7))
    tipped = [1, 3, 7, 5] * (ROWS // 4)
    decision = only(decide(data(tipped=tipped), schema=None, label=label), "unexpected_value", "tipped")
    assert "saw 5" in decision.message


def test_a_string_label_never_seen_blocks_and_is_counted():
    label = LabelSettings(name="tipped", classes=("no", "yes"))
    tipped = ["maybe"] * 4 + ["no", "yes"] * (ROWS // 2 - 2)
    decision = only(decide(data(tipped=tipped), schema=None, label=label), "unexpected_value", "tipped")
    assert decision.value == "'maybe' (4) in train"


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_rows_without_a_label_block(schema):
    decisions = decide(data(tipped=[None] * 6 + GOOD["tipped"][6:]), schema)
    decision = next(decision for decision in decisions if decision.rule == "unexpected_value")
    assert "saw no value in train (6 rows)" in decision.message
    assert not passed(decisions)


@pytest.mark.parametrize(
    ("label", "rows", "seen"),
    [
        (LABEL, [1] * ROWS, "only 1"),
        (LabelSettings(name="tipped", classes=("no", "yes")), ["no"] * ROWS, "only 'no'"),
        (LabelSettings(name="tipped", task="regression"), [2.5] * ROWS, "only 2.5"),
    ],
)
def test_a_single_class_blocks(label, rows, seen):
    decision = only(decide(data(tipped=rows), schema=None, label=label), "constant_label", "tipped")
    assert f"saw {seen} in train (400 rows)" in decision.message


def test_an_empty_split_blocks():
    empty = statistics(fare=column([]), hour=column([], "int"), payment=column([], "string"), tipped=column([], "int"))
    decision = only(decide({"train": data(), "eval": empty}), "other", "overall")
    assert "expected rows in every split; saw no rows in eval" in decision.message


def test_too_many_quarantined_rows_block():
    decision = only(decide(data(), quarantined=20), "quarantine", "overall")
    assert "expected at most 1.000% of the rows not to parse; saw 4.762% (20 of 420)" in decision.message
    assert decision.rows == 20
    only(decide(data(), quarantined=4), "fit", "overall", "pass")


def test_severities_are_set_by_kind_and_by_feature():
    bad = data(payment=["crypto"] * ROWS, fare=None)
    settings = GateSettings(
        severities={"missing_column": "ignore", "unexpected_value": "warn"},
        features={"payment": {"unexpected_value": "block"}},
    )
    only(decide(bad, settings=settings), "unexpected_value", "payment", "block")
    settings = GateSettings(severities={"missing_column": "ignore", "unexpected_value": "warn"})
    only(decide(bad, settings=settings), "unexpected_value", "payment", "warn")
    settings = GateSettings(severities={"missing_column": "ignore", "unexpected_value": "ignore"})
    only(decide(bad, settings=settings), "fit", "overall", "pass")


def test_a_schema_without_environments_is_validated_as_it_stands():
    schema = tfdv.infer_schema(statistics(**GOOD))
    only(decide(data(), schema), "fit", "overall", "pass")


def test_what_the_gate_has_no_words_for_is_told_in_those_of_tfdv():
    schema = curate(SCHEMA, label="tipped", label_type="int", classes=(0, 1))
    schema.dataset_constraints.min_examples_count = 10_000
    decision = only(decide(data(), schema), "other", "overall")
    assert 'saw "The dataset has 400 examples' in decision.message


def test_every_anomaly_type_that_is_told_apart_is_one_of_tfdvs():
    assert set(KINDS) <= set(anomalies_pb2.AnomalyInfo.Type.keys())
