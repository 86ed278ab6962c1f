"""Manifests: tables with a column of images' paths, or of the images themselves."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import quarantine, rows_of, run
from pictures import encoded, pixels, write

from components.ingest import images, tfrecord
from components.ingest.encode import Encoder
from components.ingest.peek import peek_columns
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from schema.errors import DataError

LABEL = LabelSettings(name="scratched")


def make(path: Path, columns: dict | None = None, names: tuple[str, ...] = ("photo",), **data) -> IngestSettings:
    data_settings = DataSettings(path=str(path), **data)
    return IngestSettings(data=data_settings, columns=columns or {}, label=LABEL, images=names)


def rows(folder: Path, count: int = 60) -> list[dict]:
    """Rows with a path, the camera and the label, and the images that they name."""
    found = []
    for seed in range(count):
        name = f"day {seed % 2}/{seed}.{'png' if seed % 3 else 'jpg'}"
        write(folder / name, pixels(seed, scratched=bool(seed % 2)))
        found.append({"photo": name, "camera": f"c{seed % 10}", "scratched": seed % 2})
    return found


def manifest(folder: Path, table: list[dict]) -> Path:
    lines = [",".join(table[0]), *(",".join(map(str, row.values())) for row in table)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")
    return folder / "photos.csv"


def test_paths_become_images_beside_the_other_columns(tmp_path):
    table = rows(tmp_path / "in")
    run(make(manifest(tmp_path / "in", table)), tmp_path / "out")
    found = {row["photo"]: row for row in rows_of(tmp_path / "out")}
    for row in table:
        written = found[(tmp_path / "in" / row["photo"]).read_bytes()]
        assert (written["camera"], written["scratched"]) == (row["camera"].encode(), row["scratched"])
        assert written["photo_format"] == (b"png" if row["photo"].endswith("png") else b"jpeg")


def test_csv_parquet_and_bytes_in_parquet_or_tfrecord_give_the_same_examples(tmp_path):
    table = rows(tmp_path / "in")
    manifest(tmp_path / "in", table)
    paths = pa.Table.from_pylist(table)
    pq.write_table(paths, tmp_path / "in/paths.parquet")
    data = pa.array([(tmp_path / "in" / row["photo"]).read_bytes() for row in table], pa.binary())
    whole = paths.set_column(0, "photo", data)
    pq.write_table(whole, tmp_path / "bytes.parquet")
    (batch,) = whole.to_batches()
    (tmp_path / "bytes.tfrecord").write_bytes(tfrecord.frame(Encoder().encode(batch)))
    written = []
    for name in ("in/photos.csv", "in/paths.parquet", "bytes.parquet", "bytes.tfrecord"):
        run(make(tmp_path / name), tmp_path / "out" / name)
        written.append([rows_of(tmp_path / "out" / name, split) for split in ("train", "eval", "test")])
    assert all(splits == written[0] for splits in written)


def test_what_ingestion_wrote_may_be_ingested_again(tmp_path):
    run(make(manifest(tmp_path / "in", rows(tmp_path / "in"))), tmp_path / "once")
    shards = (tmp_path / "once").glob("Split-*/*")
    (tmp_path / "all.tfrecord").write_bytes(b"".join(path.read_bytes() for path in sorted(shards)))
    run(make(tmp_path / "all.tfrecord"), tmp_path / "twice")
    for split in ("train", "eval", "test"):
        assert rows_of(tmp_path / "once", split) == rows_of(tmp_path / "twice", split)


def test_unfit_images_are_told_with_line_and_path(tmp_path):
    table = rows(tmp_path)
    write(tmp_path / "day 0/0.jpg", b"\xff\xd8\xff\xe0 cut")
    table[3]["photo"] = "nowhere.png"
    table[5]["photo"] = ""
    run(make(manifest(tmp_path, table)), tmp_path / "out")
    assert quarantine(tmp_path / "out") == [
        {"file": str(tmp_path / "photos.csv"), "line": line, "reason": reason, "text": text}
        for line, reason, text in [
            (2, "`photo`: day 0/0.jpg does not decode: " + told_of(tmp_path / "day 0/0.jpg"), "day 0/0.jpg,c0,0"),
            (5, "`photo`: nowhere.png cannot be read: No such file or directory", "nowhere.png,c3,1"),
            (7, "`photo`: the image is missing", ",c5,1"),
        ]
    ]


def told_of(path: Path) -> str:
    from PIL.JpegImagePlugin import JpegImageFile

    with pytest.raises(Exception) as raised:
        JpegImageFile(path)
    return str(raised.value)


@pytest.mark.parametrize("path", ["../secret.png", "{outside}/secret.png", "day 0/../../secret.png"])
def test_paths_stay_below_the_manifests_folder(tmp_path, path):
    table = rows(tmp_path / "in")
    write(tmp_path / "secret.png", pixels(1))
    table[7]["photo"] = path.format(outside=tmp_path)
    run(make(manifest(tmp_path / "in", table)), tmp_path / "out")
    (reject,) = quarantine(tmp_path / "out")
    assert reject["line"] == 9
    assert f"lies outside {tmp_path / 'in'}; `data.root` may name another folder" in reject["reason"]


@pytest.mark.parametrize("absolute", [False, True])
def test_paths_start_from_the_root_if_there_is_one(tmp_path, absolute):
    table = rows(tmp_path / "photos")
    if absolute:
        table = [{**row, "photo": str(tmp_path / "photos" / row["photo"])} for row in table]
    summary = run(make(manifest(tmp_path / "in", table), root=str(tmp_path / "photos")), tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (60, 0)


def test_a_split_may_go_by_another_column(tmp_path):
    split = {"by": "camera", "train": 1, "eval": 1, "test": 1}
    run(make(manifest(tmp_path, rows(tmp_path)), split=split), tmp_path / "out")
    cameras = [{row["camera"] for row in rows_of(tmp_path / "out", split)} for split in ("train", "eval", "test")]
    assert sum(map(len, cameras)) == len(set.union(*cameras)) == 10


def test_a_split_by_the_image_keeps_its_rows_together(tmp_path):
    table = rows(tmp_path)
    table += [{**row, "camera": "another"} for row in table]
    run(make(manifest(tmp_path, table), split={"by": "photo"}), tmp_path / "out")
    splits = [{row["photo"] for row in rows_of(tmp_path / "out", split)} for split in ("train", "eval", "test")]
    assert sum(map(len, splits)) == 60


def test_a_row_may_have_several_images(tmp_path):
    table = [{"front": row["photo"], "back": row["photo"], "scratched": row["scratched"]} for row in rows(tmp_path)]
    table[4]["back"] = "nowhere.png"
    settings = make(manifest(tmp_path, table), names=("front", "back"))
    summary = run(settings, tmp_path / "out")
    assert (sum(summary.rows.values()), summary.quarantined) == (59, 1)
    assert all(row["front"] == row["back"] for row in rows_of(tmp_path / "out"))
    assert {"front_brightness", "back_brightness"} < set(peek_columns(settings))


def test_prepare_sees_paths_and_may_make_the_label_of_them(tmp_path, monkeypatch):
    (tmp_path / "days_of_photos.py").write_text(
        "import pyarrow.compute as pc\n"
        "def day(batch):\n"
        "    day = pc.cast(pc.starts_with(batch['photo'], 'day 1'), 'int64')\n"
        "    return batch.append_column('scratched', day)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    table = [{"photo": row["photo"], "camera": row["camera"]} for row in rows(tmp_path)]
    settings = make(manifest(tmp_path, table), prepare="days_of_photos:day")
    run(settings, tmp_path / "out")
    assert {row["scratched"] for row in rows_of(tmp_path / "out")} == {0, 1}
    assert peek_columns(settings)[:3] == ("photo", "camera", "scratched")


def test_a_manifest_without_the_column_is_refused(tmp_path):
    settings = make(manifest(tmp_path, rows(tmp_path)), names=("picture",))
    with pytest.raises(DataError, match="`picture` is not in the data") as raised:
        run(settings, tmp_path / "out")
    assert "photo, camera" in raised.value.received


def test_numbers_are_no_images(tmp_path):
    table = pa.table({"photo": [[1.5], [2.5]], "scratched": [0, 1]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="`photo` holds no images"):
        run(make(tmp_path / "a.parquet"), tmp_path / "out")


def test_images_are_loaded_in_slices_of_bounded_number_and_size(tmp_path, monkeypatch):
    assert list(images._slices([1] * 600)) == [(0, 256), (256, 512), (512, 600)]
    monkeypatch.setattr(images, "BYTES", 10)
    assert list(images._slices([4, 4, 4, 20, 1, 9, 1])) == [(0, 2), (2, 3), (3, 4), (4, 6), (6, 7)]


def test_rows_of_parquet_that_hold_images_are_read_by_size(tmp_path, monkeypatch):
    data = [encoded(pixels(seed, side=64)) for seed in range(60)]
    table = pa.table({"photo": pa.array(data, pa.binary()), "scratched": [seed % 2 for seed in range(60)]})
    pq.write_table(table, tmp_path / "a.parquet")
    monkeypatch.setattr("components.ingest.parquet_reader._BATCH_BYTES", 4 * len(data[0]))
    from components.ingest.chunks import Column
    from components.ingest.parquet_reader import ParquetReader

    columns = {"photo": Column(None), "scratched": Column("int")}
    sizes = [len(chunk.lines) for chunk in ParquetReader().chunks(tmp_path / "a.parquet", columns)]
    assert sum(sizes) == 60
    assert max(sizes) <= 5
