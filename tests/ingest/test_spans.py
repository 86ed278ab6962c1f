from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.ingest import formats, spans
from components.ingest.settings import DataSettings
from schema.errors import SettingsError


def resolve(path: Path | str, span: int | None = None) -> spans.Input:
    return spans.resolve(DataSettings(path=str(path), span=span))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(found: spans.Input) -> list[str]:
    return [path.name for path in found.files]


def test_a_file_is_span_zero(tmp_path):
    touch(tmp_path, "a.csv")
    found = resolve(tmp_path / "a.csv")
    assert (found.files, found.span, found.version) == ((tmp_path / "a.csv",), 0, None)


def test_a_glob_takes_all_files_in_order(tmp_path):
    touch(tmp_path, "b.csv", "a.csv", "c.txt")
    assert names(resolve(tmp_path / "*.csv")) == ["a.csv", "b.csv"]


def test_the_latest_span_by_number_not_by_name(tmp_path):
    touch(tmp_path, "span-9/x.csv", "span-10/y.csv", "span-10/z.csv", "span-a/x.csv")
    found = resolve(tmp_path / "span-{SPAN}/*.csv")
    assert (found.span, names(found)) == (10, ["y.csv", "z.csv"])


def test_leading_zeros_are_read_as_they_are_on_disk(tmp_path):
    touch(tmp_path, "span-007/x.csv", "span-012/x.csv")
    assert resolve(tmp_path / "span-{SPAN}/*", span=7).files == (tmp_path / "span-007/x.csv",)


def test_the_latest_version_of_the_chosen_span(tmp_path):
    touch(tmp_path, "1/v9/x.csv", "2/v1/x.csv", "2/v02/x.csv")
    found = resolve(tmp_path / "{SPAN}/v{VERSION}/x.csv")
    assert (found.span, found.version, found.files) == (2, 2, (tmp_path / "2/v02/x.csv",))


def test_a_span_that_stands_twice_in_the_path_is_one_number(tmp_path):
    touch(tmp_path, "1/day-1.csv", "2/day-1.csv")
    assert names(resolve(tmp_path / "{SPAN}/day-{SPAN}.csv")) == ["day-1.csv"]


def test_characters_that_mean_something_to_regular_expressions_are_plain(tmp_path):
    touch(tmp_path, "a+b(1)/3.csv", "a+b(1)/4.csv")
    assert resolve(tmp_path / "a+b(1)/{SPAN}.csv").span == 4


def test_the_fingerprint_sees_changes_of_content_name_and_number_of_files(tmp_path):
    touch(tmp_path, "a.csv", "b.csv")
    pattern = tmp_path / "*.csv"
    seen = [resolve(pattern).fingerprint]
    assert resolve(pattern).fingerprint == seen[0]
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    seen.append(resolve(pattern).fingerprint)
    (tmp_path / "b.csv").rename(tmp_path / "c.csv")
    seen.append(resolve(pattern).fingerprint)
    touch(tmp_path, "d.csv")
    seen.append(resolve(pattern).fingerprint)
    assert len(set(seen)) == len(seen)


def test_the_fingerprint_survives_moving_the_folder(tmp_path):
    touch(tmp_path, "one/a.csv")
    before = resolve(tmp_path / "one/*").fingerprint
    (tmp_path / "one").rename(tmp_path / "two")
    assert resolve(tmp_path / "two/*").fingerprint == before


@pytest.mark.parametrize(
    ("path", "span", "told"),
    [
        ("nothing.csv", None, "a.csv, span-1"),
        ("no/such/folder/*.csv", None, "a.csv, span-1"),
        ("span-{SPAN}/*.csv", 7, "spans 1"),
        ("day-{SPAN}/*.csv", None, "a.csv, span-1"),
        ("span-1", None, "the folder"),
        ("a.csv", 3, "span 3"),
        ("x-{VERSION}.csv", None, "{VERSION} without {SPAN}"),
        ("x-{DAY}.csv", None, "{DAY}"),
    ],
)
def test_what_cannot_be_found_is_told_with_what_there_is(tmp_path, path, span, told):
    touch(tmp_path, "a.csv", "span-1/x.csv")
    with pytest.raises(SettingsError) as raised:
        resolve(tmp_path / path, span)
    assert told in (raised.value.received or "")
    assert raised.value.fix


def test_a_span_written_in_two_ways_is_refused(tmp_path):
    touch(tmp_path, "span-1/x.csv", "span-01/x.csv")
    with pytest.raises(SettingsError, match="two ways"):
        resolve(tmp_path / "span-{SPAN}/x.csv")


def test_a_source_that_was_not_fetched_is_told():
    with pytest.raises(SettingsError, match="no path"):
        spans.resolve(DataSettings(source="taxi"))


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("a.CSV.gz", "csv"), ("a.parquet", "parquet"), ("a.tfrecord.gz", "tfrecord")],
)
def test_the_format_is_told_by_the_name(name, form):
    assert formats.format_of(DataSettings(path="x"), [Path(name)]) == form


def test_the_settings_name_a_format_whatever_the_ending():
    assert formats.format_of(DataSettings(path="x", format="csv"), [Path("a.txt")]) == "csv"


@pytest.mark.parametrize("files", [["a.txt"], ["a.csv", "b.parquet"]])
def test_a_format_that_cannot_be_told_is_refused(files):
    with pytest.raises(SettingsError, match="format"):
        formats.format_of(DataSettings(path="x"), [Path(name) for name in files])
