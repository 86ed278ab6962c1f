"""`headgate compare`: two tables, from files to verdicts."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline.cli import app

ROWS = 5000


def table(seed: int, **changed: pa.Array | None) -> pa.Table:
    random = np.random.default_rng(seed)
    columns = {
        "fare": pa.array(random.normal(10, 3, ROWS)),
        "hour": pa.array(random.integers(0, 24, ROWS)),
        "paid": pa.array(random.choice(["cash", "card"], ROWS)),
        "always": pa.array(np.full(ROWS, 5)),
        "never": pa.nulls(ROWS, pa.string()),
    }
    columns |= changed
    return pa.table({name: values for name, values in columns.items() if values is not None})


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Writes the current table beside the reference, and compares them."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(table(0), "then.parquet")

    def compare(current: pa.Table, *options: str):
        pq.write_table(current, "now.parquet")
        return CliRunner().invoke(app, ["compare", "then.parquet", "now.parquet", *options])

    return compare


def row(output: str, name: str) -> str:
    [line] = [line for line in output.splitlines() if line.startswith(name + " ")]
    return line


def test_tables_that_are_alike_do_not_drift(call):
    result = call(table(1), "--fail")
    assert result.exit_code == 0
    assert result.stdout.endswith("0 of 5 columns drifted.\n")
    assert "reference: 5,000 rows of then.parquet" in result.stdout


def test_what_drifted_stands_first_and_fails_where_asked(call):
    current = table(1, fare=pa.array(np.random.default_rng(2).normal(20, 3, ROWS)))
    assert call(current).exit_code == 0
    result = call(current, "--fail")
    assert result.exit_code == 4
    first = result.stdout.splitlines()[4]
    assert first.startswith("fare ")
    assert "drifted: " in first
    assert result.stdout.endswith("1 of 5 columns drifted.\n")


def test_json_is_the_record_of_drift_with_both_sides(call):
    record = json.loads(call(table(1, paid=pa.array(["cash"] * ROWS)), "--json").stdout)
    assert record["drifted"] == ["paid"]
    assert record["reference"] == {"files": ["then.parquet"], "rows": ROWS, "unreadable_rows": 0}
    assert record["share"] == record["compared"] ** -1
    assert record["features"][0]["feature"] == "paid"
    assert record["features"][0]["drifted"]


def test_bounds_are_set_as_in_a_pipeline(call):
    current = table(1, fare=pa.array(np.random.default_rng(2).normal(20, 3, ROWS)))
    loose = "drift.features.fare.bounds={psi: 100, jensen_shannon: 1}"
    assert "0 of 5 columns drifted" in call(current, "--set", loose).stdout
    wrong = call(current, "--set", "drift.bonds.psi=1")
    assert wrong.exit_code == 2
    assert "did you mean `bounds`?" in wrong.stderr


def test_only_the_columns_of_a_pipeline_or_those_named_are_compared(call, tmp_path):
    assert "of 1 columns" in call(table(1), "--feature", "paid").stdout
    unknown = call(table(1), "--feature", "fair")
    assert unknown.exit_code == 2
    assert "did you mean `fare`?" in unknown.stderr
    (tmp_path / "p.yaml").write_text(
        "name: p\ndata: {path: then.parquet}\nfeatures: {columns: {fare: {}}}\n"
        "label: {name: paid, task: binary, classes: [cash, card]}\nevaluation: {thresholds: {auc: {min: 0.5}}}\n",
        encoding="utf-8",
    )
    result = call(table(1), "--pipeline", "p.yaml")
    assert "of 2 columns drifted" in result.stdout, result.output


def test_what_a_pipeline_makes_of_other_columns_is_passed_over(tmp_path):
    path = tmp_path / "trips.csv"
    path.write_text("fare,tips,company\n1.5,0.5,x\n2.5,1.5,y\n", encoding="utf-8")  # no label `big_tipper`
    found = CliRunner().invoke(app, ["compare", str(path), str(path), "--pipeline", "taxi"])
    assert "0 of 2 columns drifted" in found.stdout, found.output


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"fare": None}, "drifted: vanished"),
        ({"fare": pa.array(["ten"] * ROWS)}, "drifted: type"),
        ({"fare": pa.nulls(ROWS, pa.float64())}, "drifted: missing"),
        ({"fare": pa.array(np.full(ROWS, np.nan))}, "drifted: missing"),
        ({"fare": pa.array(np.full(ROWS, 1e9))}, "drifted: "),
    ],
    ids=["vanished", "another type", "all missing", "all NaN", "no overlap"],
)
def test_a_column_that_broke_has_drifted(call, changed, verdict):
    assert verdict in row(call(table(1, **changed)).stdout, "fare")


def test_an_empty_table_and_a_new_column_are_told(call):
    assert "drifted: no_rows" in row(call(table(1).slice(0, 0)).stdout, "fare")
    assert "not compared" in row(call(table(1, tip=pa.array(np.zeros(ROWS)))).stdout, "tip")


def test_a_reference_without_rows_is_an_error(call, tmp_path):
    pq.write_table(table(0).slice(0, 0), tmp_path / "then.parquet")
    result = call(table(1))
    assert result.exit_code == 4
    assert "The reference has no rows." in result.stderr


def test_columns_that_are_not_compared_need_not_be_readable(call, tmp_path):
    nested = pa.array([{"a": 1}] * ROWS)
    pq.write_table(table(0, nested=nested), tmp_path / "then.parquet")
    result = call(table(1, nested=nested), "--feature", "fare", "--feature", "paid")
    assert "0 of 2 columns drifted" in result.stdout, result.output


def test_rows_that_cannot_be_read_are_told(call, tmp_path):
    pyarrow.csv.write_csv(table(1), tmp_path / "now.csv")
    with (tmp_path / "now.csv").open("a", encoding="utf-8") as file:
        file.write("one field\n")
    output = CliRunner().invoke(app, ["compare", "then.parquet", "now.csv"]).stdout
    assert "1 rows cannot be read and are left out; the first, now.csv, line 5002" in output


def test_csv_files_may_have_another_delimiter(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b\n1;x\n2;y\n", encoding="utf-8")
    assert "of 2 columns" in CliRunner().invoke(app, ["compare", str(path), str(path), "--delimiter", ";"]).stdout
    wrong = CliRunner().invoke(app, ["compare", str(path), str(path), "--delimiter", "tab"])
    assert wrong.exit_code == 2
    assert "one ASCII character" in wrong.stderr


def test_a_file_that_is_not_there_is_told_before_anything_is_read(call):
    result = CliRunner().invoke(app, ["compare", "then.parquet", "later.parquet"])
    assert result.exit_code == 2
    assert "where: later.parquet" in result.stderr


def test_neither_tensorflow_nor_beam_is_imported(call):
    call(table(1))
    program = (
        "import sys; from typer.testing import CliRunner; from pipeline.cli import app;"
        "CliRunner().invoke(app, ['compare', 'then.parquet', 'now.parquet'], catch_exceptions=False);"
        "assert 'components.profile.files' in sys.modules;"
        "sys.exit(' '.join({'tensorflow', 'apache_beam', 'tfx'} & sys.modules.keys()) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
