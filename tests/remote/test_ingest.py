"""What ingestion writes does not depend on where the data lie, and its messages name the remote files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ingested
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import CLASSES, surfaces

from components.ingest import sources
from components.ingest.peek import peek_columns
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from components.profile.files import find
from pipeline.drafting.draft import draft
from schema.errors import DataError
from schema.remote import copies, files
from schema.remote.addresses import here


def upload(folder: Path, address: str) -> str:
    files.upload(address, {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()})
    return address


def table(path: str, **data: Any) -> IngestSettings:
    label = LabelSettings(name="y", task="regression")
    return IngestSettings(data=DataSettings(path=path, **data), columns={"x": "int"}, label=label)


def images(path: str, **data: Any) -> IngestSettings:
    label = LabelSettings(name="label", classes=CLASSES)
    return IngestSettings(data=DataSettings(path=path, **data), columns={}, label=label, images=("image",))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables(memory: str, tmp_path: Path, form: str) -> None:
    rows = pa.table({"x": list(range(300)), "y": [float(x) for x in range(300)]})
    (tmp_path / "in").mkdir()
    for part in range(3):
        path, piece = tmp_path / f"in/part-{part}.{form}", rows.slice(100 * part, 100)
        if form == "csv":
            piece.to_pandas().to_csv(path, index=False)
        else:
            pq.write_table(piece, path)
    upload(tmp_path / "in", f"{memory}/in")
    assert peek_columns(table(f"{memory}/in/*.{form}")) == ("x", "y")
    for name, base in (("local", str(tmp_path)), ("remote", memory)):
        ingested.run(table(f"{base}/in/*.{form}"), tmp_path / name)
    for split in ("train", "eval", "test"):
        assert ingested.rows_of(tmp_path / "remote", split) == ingested.rows_of(tmp_path / "local", split)


def test_a_row_in_quarantine_is_told_by_the_remote_file(memory: str, tmp_path: Path) -> None:
    lines = "".join(f"{x},{x}\n" for x in range(100))
    files.write(f"{memory}/in/a.csv", f"x,y\n{lines}many,1\n".encode())
    ingested.run(table(f"{memory}/in/*.csv"), tmp_path)
    [reject] = ingested.quarantine(tmp_path)
    assert (reject["file"], reject["line"]) == (f"{memory}/in/a.csv", 102)


def test_a_file_that_cannot_be_read_is_told_by_its_address(memory: str, tmp_path: Path) -> None:
    files.write(f"{memory}/in/a.parquet", b"no Parquet file")
    with pytest.raises(DataError) as caught:
        ingested.run(table(f"{memory}/in/a.parquet"), tmp_path)
    assert f"{memory}/in/a.parquet" in str(caught.value)


def test_sources_are_on_record_by_their_addresses(memory: str) -> None:
    files.write(f"{memory}/a.csv", b"12345")
    [source] = sources.look_at([copies.fetch(f"{memory}/a.csv", "0123456789abcdef")])
    assert (source.path, source.bytes) == (f"{memory}/a.csv", 5)
    assert source.modified == sources.look_at([here(f"{memory}/a.csv", "0123456789abcdef")])[0].modified


def test_a_folder_of_images(memory: str, tmp_path: Path) -> None:
    surfaces(tmp_path / "photos", 60)
    (tmp_path / "photos/good/broken.png").write_bytes(b"no image")
    upload(tmp_path / "photos", f"{memory}/photos")
    summary = ingested.run(images(f"{memory}/photos"), tmp_path / "remote")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 1)
    [reject] = ingested.quarantine(tmp_path / "remote")
    assert reject["file"] == f"{memory}/photos/good/broken.png"
    ingested.run(images(str(tmp_path / "photos")), tmp_path / "local")
    assert ingested.rows_of(tmp_path / "remote") == ingested.rows_of(tmp_path / "local")


@pytest.mark.parametrize("root", [None, "elsewhere"])
def test_a_manifest_of_images(memory: str, tmp_path: Path, root: str | None) -> None:
    surfaces(tmp_path / "photos", 60)
    files_ = sorted((tmp_path / "photos").glob("*/*.png"))
    lines = "".join(f"{file.relative_to(tmp_path / 'photos')},{file.parent.name}\n" for file in files_)
    upload(tmp_path / "photos", f"{memory}/{root or 'in'}")
    files.write(f"{memory}/in/rows.csv", f"image,label\n{lines}".encode())
    settings = images(f"{memory}/in/rows.csv", **({"root": f"{memory}/{root}"} if root else {}))
    summary = ingested.run(settings, tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 0)


def test_other_commands_read_remote_tables(memory: str, tmp_path: Path) -> None:
    files.write(f"{memory}/in/b.csv", b"x,again\n1,0\n2,1\n3,0\n4,1\n")
    files.write(f"{memory}/in/a.csv", b"x,again\n1,0\n")
    found, form = find(f"{memory}/in/*.csv")
    assert (form, [path.read_bytes()[:7] for path in found]) == ("CSV", [b"x,again"] * 2)
    draft(copies.fetch(f"{memory}/in/b.csv"), "again", tmp_path / "pipeline.yaml")
    assert f"path: {memory}/in/b.csv" in (tmp_path / "pipeline.yaml").read_text().replace('"', "")
