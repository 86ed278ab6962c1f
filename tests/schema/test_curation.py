"""Curated schemas: reading, writing, finding, and what Headgate adds to an inferred one."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.curation import accepted_path, curate, curated_path, read, write
from schema.errors import SettingsError
from schema.settings import SchemaSettings

INFERRED = text_format.Parse(
    """
    feature { name: "fare" type: FLOAT presence { min_count: 1 } value_count { min: 1 max: 1 } }
    feature { name: "company" type: BYTES domain: "company" }
    feature { name: "paid" type: BYTES domain: "paid" }
    feature { name: "tipped" type: INT bool_domain {} presence { min_count: 1 } }
    string_domain { name: "company" value: "A" value: "B" }
    string_domain { name: "paid" value: "no" value: "yes" value: "maybe" }
    """,
    schema_pb2.Schema(),
)


def feature(schema, name):
    return next(feature for feature in schema.feature if feature.name == name)


def test_training_has_all_columns_and_serving_may_lack_the_label():
    schema = curate(INFERRED, label="tipped", label_type="int", classes=(0, 1))
    assert list(schema.default_environment) == ["TRAINING", "SERVING"]
    assert list(feature(schema, "tipped").not_in_environment) == ["SERVING"]
    assert not feature(schema, "fare").not_in_environment


def test_serving_has_only_the_columns_that_the_model_reads():
    schema = curate(INFERRED, label="tipped", label_type="int", classes=(0, 1), features=("fare",))
    assert list(feature(schema, "company").not_in_environment) == ["SERVING"]
    assert not feature(schema, "fare").not_in_environment


def test_an_integer_label_is_held_to_its_classes_and_present_in_every_row():
    label = feature(curate(INFERRED, label="tipped", label_type="int", classes=(1, 3, 7)), "tipped")
    assert (label.int_domain.min, label.int_domain.max, label.int_domain.is_categorical) == (1, 7, True)
    assert not label.HasField("bool_domain")
    assert label.presence.min_fraction == 1.0


def test_a_string_label_is_held_to_its_classes():
    schema = curate(INFERRED, label="paid", label_type="string", classes=("no", "yes"))
    assert list(feature(schema, "paid").string_domain.value) == ["no", "yes"]
    assert [domain.name for domain in schema.string_domain] == ["company"]


def test_float_features_refuse_nan_and_infinity():
    fare = feature(curate(INFERRED, label="tipped", label_type="int", classes=(0, 1)), "fare")
    assert fare.float_domain.disallow_nan and fare.float_domain.disallow_inf


def test_the_inferred_schema_stays_as_it_is():
    before = INFERRED.SerializeToString()
    curate(INFERRED, label="fare", label_type="float")
    assert INFERRED.SerializeToString() == before


def test_curating_twice_changes_nothing_more():
    once = curate(INFERRED, label="tipped", label_type="int", classes=(0, 1), features=("fare",))
    assert curate(once, label="tipped", label_type="int", classes=(0, 1), features=("fare",)) == once


def test_a_label_that_the_data_lack_is_told_with_the_columns_there_are():
    with pytest.raises(SettingsError, match=r"no column `tip`(.|\n)*'tipped'"):
        curate(INFERRED, label="tip", label_type="int", classes=(0, 1))


def test_a_schema_survives_writing_and_reading(tmp_path):
    path = tmp_path / "new" / "taxi.pbtxt"
    schema = curate(INFERRED, label="tipped", label_type="int", classes=(0, 1))
    write(schema, path)
    assert read(path) == schema
    assert [file.name for file in path.parent.iterdir()] == ["taxi.pbtxt"]


def test_a_write_that_fails_leaves_the_old_schema(tmp_path, monkeypatch):
    path = tmp_path / "taxi.pbtxt"
    write(INFERRED, path)

    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("schema.curation.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(schema_pb2.Schema(), path)
    assert read(path) == INFERRED
    assert [file.name for file in tmp_path.iterdir()] == ["taxi.pbtxt"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'feature {\n  name: "a"\n  typ: INT\n}\n', "line 3, column 3"),
        (b'feature { name: "a"', "line 1"),
        (b"feature { type: NUMBER }", "line 1"),
        (b"\xff\xfe", "byte 0"),
    ],
)
def test_a_schema_that_does_not_parse_is_told_with_file_and_line(tmp_path, content, where):
    path = tmp_path / "broken.pbtxt"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read(path)
    assert str(path) in caught.value.where
    assert where in caught.value.where


def test_a_schema_that_is_not_there_is_told_with_its_path(tmp_path):
    with pytest.raises(SettingsError, match="does not exist"):
        read(tmp_path / "none.pbtxt")


def test_the_curated_schema_lies_beside_the_settings_file(tmp_path):
    settings_file = tmp_path / "trips.yaml"
    assert curated_path(SchemaSettings(), "trips", settings_file) is None
    write(INFERRED, tmp_path / "schema" / "trips.pbtxt")
    assert curated_path(SchemaSettings(), "trips", settings_file) == tmp_path / "schema" / "trips.pbtxt"


def test_a_path_in_the_settings_wins_and_must_exist(tmp_path):
    settings, settings_file = SchemaSettings(path="mine.pbtxt"), tmp_path / "trips.yaml"
    with pytest.raises(SettingsError, match=r"mine\.pbtxt"):
        curated_path(settings, "trips", settings_file)
    write(INFERRED, accepted_path(settings, "trips", settings_file))
    assert curated_path(settings, "trips", settings_file) == tmp_path / "mine.pbtxt"


def test_a_preset_falls_back_on_the_schema_that_ships_with_it(tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    write(INFERRED, shipped / "trips.pbtxt")
    monkeypatch.setattr("schema.curation.__file__", str(shipped / "curation.py"))
    monkeypatch.chdir(tmp_path)
    assert curated_path(SchemaSettings(), "trips", None) == shipped / "trips.pbtxt"
    assert curated_path(SchemaSettings(), "trips", tmp_path / "trips.yaml") is None
    write(INFERRED, tmp_path / "schema" / "trips.pbtxt")
    assert curated_path(SchemaSettings(), "trips", None) == tmp_path / "schema" / "trips.pbtxt"
