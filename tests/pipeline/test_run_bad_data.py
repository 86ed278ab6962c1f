"""Data that are not fit: the exit code, what is told, and that the last good release stays as it was."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from small_pipeline import sales, write_csv

COLUMNS = ["amount", "miles", "weekday", "shop", "again"]


def as_text(rows, columns=COLUMNS) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def changed(share=1.0, **columns) -> str:
    """Sales with some values replaced, in the first rows up to `share` of all."""
    rows = sales(300, seed=2)
    return as_text([row | columns if index < share * len(rows) else row for index, row in enumerate(rows)])


def ragged(count: int) -> str:
    head, *lines = changed().splitlines()
    return "\n".join([head, *(line + ",more" for line in lines[:count]), *lines[count:]]) + "\n"


def duplicate_column() -> str:
    return as_text(sales(300)).replace("amount,miles", "amount,amount", 1)


def one_class() -> str:
    return as_text([row for row in sales(600) if row["again"] == 1])


BLOCKED = {
    "empty file": ("", ["The input file is empty", "span-2/sales.csv"]),
    "header only": (as_text([]), ["The input has no row that can be used", "span-2/sales.csv"]),
    "missing column": (as_text(sales(300), COLUMNS[1:]), ["lack columns", "no amount"]),
    "missing label": (as_text(sales(300), COLUMNS[:-1]), ["lack columns", "no again"]),
    "duplicate column": (duplicate_column(), ["Two columns have the same name", "amount", "line 1"]),
    "column without a name": (as_text(sales(300)).replace("miles", "", 1), ["Column 2 has no name", "line 1"]),
    "ragged rows": (ragged(30), ["10.000% (30 of 300)", "line 2: expected 5 fields, received 6", "quarantine.jsonl"]),
    "text in a numeric column": (changed(amount="much"), ["`amount`: expected a number, received 'much'", "line 2"]),
    "text in some numbers": (changed(0.1, amount="much"), ["10.000% (30 of 300)", "quarantine.jsonl"]),
    "fractions in an integer column": (changed(weekday=1.5), ["`weekday`: expected an integer", "'1.5'"]),
    "infinity": (changed(0.1, amount="inf"), ["`amount`", "infinity", "finite numbers"]),
    "integers beyond int64": (changed(weekday=2**63), [f"`weekday`: {2**63} is beyond the range of int64"]),
    "invalid UTF-8": (changed(shop="caf\udce9"), ["`shop`: invalid UTF-8"]),
    "a header that is not UTF-8": (changed().replace("shop", "caf\udce9", 1), ["The header is not UTF-8", "iconv"]),
    "a label never seen": (changed(0.1, again=2), ["`again`", "one of [0, 1]", "2"]),
    "rows without a label": (changed(0.1, again=None), ["10.000% (30 of 300)"]),
    "no label at all": (changed(again=None), ["no label"]),
    "a single class": (one_class(), ["`again`", "two classes or more", "only 1"]),
    "all values missing": (changed(amount=None), ["`amount`", "none in any row"]),
    "an empty split": (as_text(sales(3)), ["split is empty", "train", "use more rows"]),
    "no text at all": ("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 20, ["span-2/sales.csv", "there is �PNG"]),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_data_that_are_not_fit_are_told_and_nothing_is_released(released, name):
    content, told = BLOCKED[name]
    path = released.folder / "span-2/sales.csv"
    path.parent.mkdir()
    path.write_bytes(content.encode(errors="surrogateescape"))
    refused_and_told(released, told)


def refused_and_told(pipeline, told, *options):
    before = pipeline.serving()
    ended = pipeline.command("run", *options)
    output = ended.stdout + ended.stderr
    assert ended.code == 4, output
    for words in told:
        assert words in output, output
    for trace in ("Traceback", 'File "', "RuntimeError", "beam"):
        assert trace not in output
    assert "transform: started" not in output
    assert pipeline.serving() == before


def test_a_gzip_file_cut_short_is_refused(released):
    content = gzip.compress(as_text(sales(2000)).encode())
    path = released.folder / "cut.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    refused_and_told(released, ["gzip file is damaged or cut short", str(path)], "--set", f"data.path={path}")


@pytest.mark.parametrize(
    ("content", "quarantined"),
    [
        (ragged(2), 2),
        (changed().replace("\n", '\n"', 1), 1),
        (changed(0.005, amount="much"), 2),
        (changed(0.1, amount="NaN"), 0),
        (changed(0.1, miles=""), 0),
    ],
    ids=["ragged rows", "an open quote", "broken numbers", "NaN is missing", "empty is missing"],
)
def test_a_few_bad_rows_are_put_aside_and_the_run_goes_on(released, content, quarantined):
    path = released.folder / "span-2/sales.csv"
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    ended = released.run("--to", "drift")
    assert (ended.code, ended.json["status"], ended.json["quarantined"]) == (0, "stopped", quarantined)


def test_a_column_with_a_value_here_and_there_is_no_reason_to_stop(new):
    pipeline = new()
    pipeline.span(1, [row | {"shop": "north" if index in (1, 2, 3) else None} for index, row in enumerate(sales())])
    assert pipeline.run("--to", "transform").code == 0

    assert pipeline.command("schema", "accept").code == 0
    ended = pipeline.run("--to", "transform")
    assert (ended.code, ended.json["status"]) == (0, "stopped")


class TestWithACuratedSchema:
    @pytest.fixture
    def curated(self, released):
        accepted = released.command("schema", "accept")
        assert accepted.code == 0, accepted
        assert list(released.folder.glob("**/*.pbtxt"))
        return released

    @staticmethod
    def span(pipeline, **columns):
        write_csv(pipeline.folder / "span-2/sales.csv", [row | columns for row in sales(300, seed=2)])

    def test_the_same_data_pass(self, curated):
        ended = curated.run("--to", "gate")
        assert ended.code == 0
        assert {"schema", "gate"} <= set(ended.ran)
        assert "as the curated schema describes them" in ended.json["decisions"][0]["message"]

    def test_an_extra_column_warns(self, curated):
        self.span(curated, colour="red")
        ended = curated.run("--to", "gate")
        [warning] = [each for each in ended.json["decisions"] if each["outcome"] == "warn"]
        assert (ended.code, warning["rule"], warning["subject"]) == (0, "new_column", "colour")

    def test_an_extra_column_blocks_where_asked_to(self, curated):
        self.span(curated, colour="red")
        refused_and_told(curated, ["`colour`"], "--set", "gate.severities.new_column=block")

    def test_a_value_never_seen_is_blocked(self, curated):
        self.span(curated, shop="orbit")
        refused_and_told(curated, ["`shop`", "'orbit'", "'north'"])

    def test_what_the_data_show_can_be_looked_at_and_adopted(self, curated):
        self.span(curated, shop="orbit")
        assert curated.run("--to", "gate").code == 4
        assert "orbit" in curated.command("schema", "diff").stdout
        assert curated.command("schema", "accept").code == 0
        ended = curated.run("--to", "gate")
        assert ended.code == 0
        assert "ingest" not in ended.ran
