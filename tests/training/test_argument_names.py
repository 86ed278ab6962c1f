"""Columns with names that TensorFlow takes for no argument are served all the same."""

from __future__ import annotations

import re

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.training.export import argument_names


def test_plain_names_stay_as_they_are():
    assert argument_names(["fare", "trip_miles", "F00"]) == {"fare": "fare", "trip_miles": "trip_miles", "F00": "F00"}


def test_other_signs_become_underscores():
    assert argument_names(["mean radius", "größe", "2nd", "_id"]) == {
        "mean radius": "mean_radius", "größe": "gr__e", "2nd": "arg_2nd", "_id": "arg__id",
    }  # fmt: skip


def test_a_name_that_is_taken_gets_a_number_whatever_the_order():
    names = {"a b": "a_b_2", "a_b": "a_b", "a-b": "a_b_3"}
    assert argument_names(["a b", "a_b", "a-b"]) == names


@given(st.sets(st.text(min_size=1, max_size=5), min_size=1, max_size=8))
def test_every_column_gets_a_name_of_its_own(columns):
    names = argument_names(columns)
    assert set(names) == columns and len(set(names.values())) == len(columns)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in names.values())


def test_tensorflow_saves_such_arguments(tmp_path):
    module = tf.Module()
    specs = {name: tf.TensorSpec([None], tf.float32, name) for name in argument_names(["a b", "ü", "2nd"]).values()}
    module.sum = tf.function(lambda columns: {"sum": tf.add_n(list(columns.values()))}).get_concrete_function(specs)
    tf.saved_model.save(module, str(tmp_path), {"predict": module.sum})
    predict = tf.saved_model.load(str(tmp_path)).signatures["predict"]
    assert predict(**{name: tf.constant([1.0]) for name in specs})["sum"].numpy() == [3.0]
