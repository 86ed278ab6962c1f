"""Input that is not whole yet."""

from __future__ import annotations

import pytest

from components.ingest import spans
from components.ingest.settings import DataSettings
from components.ingest.unfinished import unfinished

LINES = "amount,again\n1,0\n2,1\n"


def write(folder, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LINES, encoding="utf-8")


def named(folder, pattern: str) -> list[str]:
    data = DataSettings(path=str(folder / pattern))
    return [path.name for path in unfinished(data, spans.resolve(data))]


@pytest.mark.parametrize("ending", [".tmp", ".part", ".crdownload", "._COPYING_"])
def test_a_file_that_is_going_to_belong_to_the_span_is_unfinished(tmp_path, ending):
    write(tmp_path, "span-1/a.csv", "span-2/a.csv", f"span-2/b.csv{ending}")
    assert named(tmp_path, "span-{SPAN}/*.csv") == [f"b.csv{ending}"]


def test_other_spans_and_other_files_are_none_of_it(tmp_path):
    write(tmp_path, "sales-1.csv", "sales-2.csv", "sales-3.csv.tmp", "notes.txt.tmp")
    assert named(tmp_path, "sales-{SPAN}.csv") == []


def test_a_file_that_is_about_to_replace_one_that_is_whole_is_not_waited_for(tmp_path):
    write(tmp_path, "sales.csv", "sales.csv.tmp")
    assert named(tmp_path, "sales.csv") == []


def test_a_spark_job_that_has_not_come_to_its_end(tmp_path):
    write(tmp_path, "day/part-0.csv", "day/_temporary/0/part-1.csv")
    assert named(tmp_path, "day/*.csv") == ["_temporary"]


def test_a_download_into_a_folder_of_images(tmp_path):
    write(tmp_path, "in/cat/1.png", "in/dog/1.png", "in/dog/2.png.part")
    assert named(tmp_path, "in") == ["2.png.part"]
