"""The difference of two schemas, in words."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.difference import Change, diff


def schema(text):
    return text_format.Parse(text, schema_pb2.Schema())


def test_equal_schemas_do_not_differ():
    same = schema('feature { name: "x" type: FLOAT float_domain { min: 0 max: 1 } }')
    assert diff(same, same) == []


def test_new_and_removed_features_are_told_with_their_type():
    changes = diff(schema('feature { name: "x" type: FLOAT }'), schema('feature { name: "y" type: INT }'))
    assert changes == [Change("x", "feature", "FLOAT", None), Change("y", "feature", None, "INT")]
    assert [str(change) for change in changes] == ["x: feature removed: FLOAT", "y: feature added: INT"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("type: FLOAT", "type: BYTES", "x: type: FLOAT -> BYTES"),
        (
            "presence { min_fraction: 1 min_count: 1 }",
            "presence { min_count: 1 }",
            "x: presence: in at least 1 of the rows and 1 rows -> in at least 0 of the rows and 1 rows",
        ),
        ("shape { dim { size: 1 } }", "value_count { min: 1 max: 3 }", "x: shape: always 1 -> 1 to 3 values"),
        ("value_count { min: 1 max: 1 }", "", "x: shape: exactly 1 values -> any number of values"),
        ("int_domain { min: 0 max: 23 }", "int_domain { min: 0 max: 1000000 }", "x: range: 0 to 23 -> 0 to 1000000"),
        ("float_domain { min: 0 }", "float_domain { max: 1 }", "x: range: at least 0 -> at most 1"),
        ("float_domain {}", "float_domain { disallow_nan: true }", "x: NaN: allowed -> refused"),
        ("", "bool_domain {}", "x: domain added: bool"),
        ("int_domain { min: 1 }", "bool_domain {}", "x: domain: int: at least 1 -> bool"),
        ('string_domain { value: "a" }', "", "x: domain removed: string: 'a'"),
    ],
)
def test_each_property_of_a_feature_is_compared(old, new, told):
    changes = diff(schema(f'feature {{ name: "x" {old} }}'), schema(f'feature {{ name: "x" {new} }}'))
    assert [str(change) for change in changes] == [told]


def test_values_of_a_named_domain_are_compared_one_by_one():
    old = schema('feature { name: "x" domain: "d" } string_domain { name: "d" value: "a" value: "b" }')
    new = schema('feature { name: "x" string_domain { value: "b" value: "c" } }')
    assert [str(change) for change in diff(old, new)] == ["x: values added: 'c'", "x: values removed: 'a'"]


def test_long_lists_of_values_are_cut_short():
    old = schema('feature { name: "x" string_domain {} }')
    new = schema('feature { name: "x" string_domain { ' + " ".join(f'value: "{n}"' for n in range(30)) + "} }")
    (change,) = diff(old, new)
    assert str(change).endswith("'9' and 20 more")


def test_environments_are_compared():
    old = schema('default_environment: "TRAINING" default_environment: "SERVING" feature { name: "x" }')
    new = schema(
        'default_environment: "TRAINING" default_environment: "SERVING" '
        'feature { name: "x" not_in_environment: "SERVING" }'
    )
    assert [str(change) for change in diff(old, new)] == ["x: environments: SERVING, TRAINING -> TRAINING"]
