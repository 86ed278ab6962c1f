"""What `data.path` means does not depend on where the data lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.ingest.settings import DataSettings
from components.ingest.spans import Input, resolve
from schema.errors import DataError, HeadgateError, SettingsError
from schema.remote import files
from schema.remote.addresses import told

NAMES = st.sampled_from(
    [
        f"{folder}{file}"
        for folder in ("", "span-1/", "span-02/", "span-10/v1/", "deep/er/")
        for file in ("a.csv", "b.csv")
    ]
)
PATTERNS = (
    *("*.csv", "span-{SPAN}/*.csv", "span-{SPAN}/a.csv", "span-{SPAN}/v{VERSION}/*.csv", "**/a.csv", "deep/*/?.csv"),
    *("a.csv", "[ab].csv", "span-*/a.csv", "none/*.csv"),
)


def put(address: str, **contents: str) -> None:
    for name, content in contents.items():
        files.write(f"{address}/{name}", content.encode())


def names(found: Input, base: str) -> list[str]:
    return [told(str(file)).removeprefix(base).lstrip("/") for file in found.files]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(there=st.sets(NAMES, min_size=1), pattern=st.sampled_from(PATTERNS))
def test_a_pattern_matches_the_same_files(memory: str, tmp_path: Path, there: set[str], pattern: str) -> None:
    number = len(list(tmp_path.iterdir()))
    local, remote = tmp_path / f"case-{number}", f"{memory}/case-{number}"
    for name in there:
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_text("x")
        files.write(f"{remote}/{name}", b"x")

    def outcome(base: str) -> tuple[object, ...]:
        try:
            found = resolve(DataSettings(path=f"{base}/{pattern}"))
        except SettingsError as error:
            return (error.what, error.expected)
        return (found.format, names(found, base), found.span, found.version)

    assert outcome(remote) == outcome(str(local))


def test_files_are_fetched_when_they_are_read(memory: str) -> None:
    put(f"{memory}/in", **{"span-1/a.csv": "x\n1\n", "span-2/a.csv": "x\n2\n", "span-2/b.csv": "x\n3\n"})
    found = resolve(DataSettings(path=f"{memory}/in/span-{{SPAN}}/*.csv"))
    assert (found.span, names(found, memory)) == (2, ["in/span-2/a.csv", "in/span-2/b.csv"])
    assert not any(file.exists() for file in found.files)
    found.first().fetch()
    assert [file.exists() for file in found.files] == [True, False]
    found.fetch()
    assert [file.read_text() for file in found.files] == ["x\n2\n", "x\n3\n"]


def test_the_fingerprint_follows_the_content(memory: str) -> None:
    put(memory, **{"a.csv": "1", "b.csv": "2"})
    data = DataSettings(path=f"{memory}/*.csv")
    first = resolve(data).fingerprint
    assert resolve(data).fingerprint == first
    put(memory, **{"other.txt": "not matched"})
    assert resolve(data).fingerprint == first
    put(memory, **{"b.csv": "3"})
    assert resolve(data).fingerprint != first


def test_a_file_that_changes_after_it_was_listed_is_refused(memory: str) -> None:
    put(memory, **{"a.csv": "1"})
    found = resolve(DataSettings(path=f"{memory}/a.csv"))
    put(memory, **{"a.csv": "2"})
    with pytest.raises(DataError, match="changed while it was read") as caught:
        found.fetch()
    assert caught.value.where == f"{memory}/a.csv"


def test_what_is_there_instead_is_told(memory: str) -> None:
    put(f"{memory}/in", **{"trips.csv": "1", "more/x.csv": "2"})
    with pytest.raises(SettingsError) as caught:
        resolve(DataSettings(path=f"{memory}/in/trip.csv"))
    assert caught.value.received == f"in {memory}/in: more, trips.csv"
    assert caught.value.where == f"data.path: {memory}/in/trip.csv"


def test_folders_of_images_and_labels_beside_arrays(memory: str) -> None:
    put(f"{memory}/lamps", **{"good/a.png": "1", "bad/b.png": "2", "bad/.hidden.png": "3", "README": "x"})
    found = resolve(DataSettings(path=f"{memory}/lamps"))
    assert (found.format, names(found, memory)) == ("images", ["lamps/bad/b.png", "lamps/good/a.png"])
    assert [told(str(folder)) for folder in found.folders] == [f"{memory}/lamps"]
    put(f"{memory}/digits", **{"train-images-idx3-ubyte": "1", "train-labels-idx1-ubyte": "2"})
    found = resolve(DataSettings(path=f"{memory}/digits"))
    assert (found.format, sorted(found.remote)) == (
        "idx",
        ["digits/train-images-idx3-ubyte", "digits/train-labels-idx1-ubyte"],
    )


@pytest.mark.parametrize("name", ["../a.csv", "in/../../a.csv", "in//a.csv"])
def test_a_name_that_leads_elsewhere_is_refused(memory: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    class Listing:
        def find(self, path: str, detail: bool) -> dict[str, dict[str, object]]:
            return {f"{path}/{name}": {"type": "file", "size": 1}}

    monkeypatch.setattr(files, "system_of", lambda address: (Listing(), "/bucket"))
    with pytest.raises(HeadgateError, match="cannot be one here"):
        resolve(DataSettings(path=f"{memory}/*.csv"))
