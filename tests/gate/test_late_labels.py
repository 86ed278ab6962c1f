"""The gate where labels may come late: it waits for them, and looks at all else."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from small_statistics import column, statistics

from components.gate.check import check
from components.gate.rules import Ingested
from components.gate.settings import GateSettings
from components.label import LabelSettings
from schema.curation import curate

ROWS = 200
FARE = np.random.default_rng(0).lognormal(2, 0.5, ROWS).tolist()
LABELS = [row % 2 for row in range(ROWS)]
SCHEMA = curate(
    tfdv.infer_schema(statistics(fare=FARE, tipped=LABELS)), label="tipped", label_type="int", classes=(0, 1)
)
LATE = {
    "empty": column([None] * ROWS, "int"),
    "half of them": column([None] * 100 + LABELS[100:], "int"),
    "one class so far": column([None] * 199 + [1], "int"),
    "absent": None,
}


def decide(labels, fare=FARE, late=True, schema=SCHEMA):
    columns = {"fare": fare} | ({} if labels is None else {"tipped": labels})
    return check(
        {"train": statistics(**columns)},
        schema,
        settings=GateSettings(),
        label=LabelSettings(name="tipped"),
        columns={"fare": "float"},
        ingested=Ingested(ROWS, 0, 0.01, "quarantine.jsonl"),
        late_labels=late,
    )


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["curated", "none yet"])
@pytest.mark.parametrize("labels", LATE.values(), ids=LATE)
def test_missing_labels_are_waited_for_and_said(labels, schema):
    fit, late = decide(labels, schema=schema)
    assert (fit.rule, fit.outcome) == ("fit", "pass")
    assert (late.rule, late.subject, late.outcome) == ("late_labels", "tipped", "pass")
    assert f"{late.rows} rows have no label yet" in late.message
    assert any(each.outcome == "block" for each in decide(labels, late=False, schema=schema))


def test_labels_that_are_no_class_are_found_even_so():
    blocked = [each for each in decide(column([None] * 100 + [7] * 100, "int")) if each.outcome == "block"]
    assert {(each.rule, each.subject) for each in blocked} == {("unexpected_value", "tipped")}


def test_everything_else_is_looked_at():
    broken = decide(LATE["empty"], fare=column([None] * ROWS, "float"))
    assert [(each.rule, each.subject) for each in broken if each.outcome == "block"] == [("all_missing", "fare")]


def test_once_all_labels_are_there_every_rule_holds():
    assert [each.rule for each in decide(LABELS)] == ["fit"]
    [constant] = decide([1] * ROWS)
    assert (constant.rule, constant.outcome) == ("constant_label", "block")
