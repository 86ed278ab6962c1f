"""After a run: who is told, what Prometheus finds, and that no secret stays in the workspace."""

from __future__ import annotations

import pytest
from receiver import SECRET, receiving


@pytest.fixture
def not_blessed(released):
    """The next run does not bless its model, and tells a webhook."""

    def change(settings):
        settings["evaluation"]["thresholds"]["binary_crossentropy"] = {"max": 0}
        settings["alerts"] = {"webhook": {"url_env": "HOOK", "headers": {"Authorization": "TOKEN"}}}

    released.change(change)
    return released


def test_an_alert_is_sent_recorded_and_shown_without_its_secrets(not_blessed, monkeypatch):
    monkeypatch.setenv("TOKEN", f"Bearer {SECRET}")
    with receiving() as receiver:
        monkeypatch.setenv("HOOK", receiver.url)
        ended = not_blessed.run()
    [alert] = receiver.taken
    assert (ended.code, alert["events"], alert["run_id"]) == (3, ["not_blessed"], ended.json["run_id"])
    told = {"receiver": f"webhook at 127.0.0.1:{receiver.port}", "delivered": True, "reason": None}
    assert ended.json["alerts"] == [told]
    shown = not_blessed.show(ended.json["run_id"]).stdout
    assert f"alert: webhook at 127.0.0.1:{receiver.port}: delivered" in shown
    assert "not_blessed" in alert["text"] or "did not earn it" in alert["text"]
    assert 'headgate_run_status{pipeline="sales",status="not_blessed"} 1.0' in (
        not_blessed.workspace.prometheus("sales").read_text()
    )
    assert_no_secret(not_blessed, ended)


def test_an_alert_that_nobody_takes_is_told_and_changes_nothing(not_blessed, monkeypatch):
    monkeypatch.setenv("TOKEN", f"Bearer {SECRET}")
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:1/{SECRET}")
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    ended = not_blessed.run()
    assert (ended.code, ended.json["status"]) == (3, "not_blessed")
    [told] = ended.json["alerts"]
    assert not told["delivered"]
    assert "WARNING headgate.alerts: alert (not_blessed): webhook at 127.0.0.1:1: not delivered, the connection" in (
        not_blessed.workspace.log("sales", ended.json["run_id"]).read_text()
    )
    assert_no_secret(not_blessed, ended)


def test_a_run_that_finds_no_data_is_told_of_too(released, monkeypatch):
    released.change(lambda settings: settings.update(alerts={"webhook": {"url_env": "HOOK"}}))
    with receiving() as receiver:
        monkeypatch.setenv("HOOK", receiver.url)
        ended = released.command("run", "--set", "data.path=nowhere.csv")
    assert ended.code == 2
    [alert] = receiver.taken
    assert (alert["events"], alert["run_id"]) == (["failed"], None)
    assert "No input file was found." in alert["text"]


def test_a_textfile_that_cannot_be_written_is_a_note(not_blessed):
    (not_blessed.workspace.root / "prometheus").rename(not_blessed.folder / "elsewhere")
    (not_blessed.workspace.root / "prometheus").write_text("")
    not_blessed.change(lambda settings: settings.pop("alerts"))
    ended = not_blessed.run()
    assert ended.code == 3
    [note] = ended.json["notes"]
    assert "for Prometheus, could not be written" in note


def assert_no_secret(pipeline, ended) -> None:
    """Neither on the screen nor in a file of the workspace, in text or in the database."""
    assert SECRET not in ended.stdout + ended.stderr
    files = [path for path in pipeline.folder.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
