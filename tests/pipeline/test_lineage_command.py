"""`headgate lineage` on a pipeline that released for real."""

from __future__ import annotations

import pytest
from small_pipeline import invoke


@pytest.fixture
def call(released):
    return lambda *arguments: invoke(["lineage", *arguments, "--workspace", str(released.workspace.root)])


def test_the_release_is_traced_back_to_the_file(call, released):
    source = released.folder / "span-1/sales.csv"
    output = call("sales@1").stdout
    assert f"{source}  {source.stat().st_size:,} bytes, written " in output
    for word in ("model", "transform", "schema", "statistics", "examples"):
        assert f"─ {word} " in output
    assert "note:" not in output
    record = call("sales@1", "--json").json
    assert [each["path"] for each in record["sources"]] == [str(source)]
    assert record["manifest"]["run_id"] == record["artifacts"][0]["run_id"]
    codes = released.history.code(record["manifest"]["run_id"])
    assert {each["step"]: each["code"] for each in record["artifacts"]}.items() <= codes.items()
    assert call().stdout == output, "the latest release is the default"


def test_the_data_are_traced_forward_to_the_release(call, first_run):
    for target in ([], ["sales:1"], [first_run.json["run_id"]]):
        assert "released as sales@1, in service" in call(*target, "--forward").stdout
    [model] = call("sales:1", "--forward", "--json").json["models"]
    assert model["releases"] == [{"model": "sales", "version": 1, "there": True, "serving": True}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sales"], "MODEL@VERSION, such as taxi@2"),
        (["sales@x"], "MODEL@VERSION, such as taxi@2"),
        (["sales@9"], "There is no release sales@9."),
        (["sales:9", "--forward"], "No run of `sales` read span 9."),
        (["r9", "--forward"], "This names no data."),
    ],
)
def test_what_is_not_there_is_refused(call, arguments, told):
    ended = call(*arguments)
    assert ended.code == 2
    assert told in ended.stderr
