"""Alerts: who takes them, what happens where nobody does, and that no secret is told."""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError
from receiver import SECRET, receiving

from pipeline.alerts import webhook
from pipeline.alerts.send import send
from pipeline.alerts.settings import AlertSettings
from pipeline.settings_file import PRESETS, load
from schema.errors import SettingsError

ALERT = {"text": "sales: failed", "status": "failed"}


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The waits between tries, which nobody waits for."""
    waited: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    return waited


def to(url: str, monkeypatch, timeout: float = 20, **headers: str) -> AlertSettings:
    monkeypatch.setenv("HOOK", url)
    return AlertSettings(webhook={"url_env": "HOOK", "headers": headers}, timeout=timeout)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_an_alert_is_posted_as_json(monkeypatch):
    monkeypatch.setenv("TOKEN", "Bearer abc")
    with receiving() as receiver:
        [result] = send(to(receiver.url, monkeypatch, Authorization="TOKEN"), ALERT)
    assert (result.delivered, result.reason) == (True, None)
    assert receiver.taken == [ALERT]
    assert receiver.seen[0]["Authorization"] == "Bearer abc"
    assert receiver.seen[0]["Content-Type"] == "application/json"
    assert result.receiver == f"webhook at 127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("answer", [500, 502, 503, 429])
def test_what_may_pass_is_tried_again(monkeypatch, waits, answer):
    with receiving(answers=(answer, 200)) as receiver:
        [result] = send(to(receiver.url, monkeypatch), ALERT)
    assert result.delivered
    assert len(receiver.taken) == 2


def test_waits_grow_and_end(monkeypatch, waits):
    with receiving(answers=(500,)) as receiver:
        [result] = send(to(receiver.url, monkeypatch), ALERT)
    assert result.reason == "the answer was 500, 4 times"
    assert len(receiver.taken) == webhook.TRIES
    assert waits == [1.0, 2.0]  # urllib3 tries a second time at once


def test_a_server_that_asks_for_time_gets_it_up_to_a_bound(monkeypatch, waits):
    with receiving(answers=(429, 200), headers={"Retry-After": "7"}) as receiver:
        assert send(to(receiver.url, monkeypatch), ALERT)[0].delivered
    assert waits == [7]
    with receiving(answers=(429, 200), headers={"Retry-After": "86400"}) as receiver:
        send(to(receiver.url, monkeypatch), ALERT)
    assert waits == [7, 20]


@pytest.mark.parametrize("answer", [400, 401, 404])
def test_what_will_not_pass_is_not_tried_again(monkeypatch, waits, answer):
    with receiving(answers=(answer,)) as receiver:
        [result] = send(to(receiver.url, monkeypatch), ALERT)
    assert result.reason == f"the answer was {answer}"
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(monkeypatch, waits, answer):
    with receiving() as other, receiving(answers=(answer,), headers={"Location": other.url}) as receiver:
        [result] = send(to(receiver.url, monkeypatch), ALERT)
    assert result.reason == f"the answer was {answer}, a redirect, which is not followed"
    assert other.taken == []


def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    with receiving(delay=30) as receiver:
        [result] = send(to(receiver.url, monkeypatch, timeout=0.3), ALERT)
    assert result.reason == "it was not taken within 0.3 s"


def test_a_slow_server_is_tried_again(monkeypatch, waits):
    monkeypatch.setattr(webhook, "TRY_SECONDS", 0.05)
    with receiving(delay=30) as receiver:
        [result] = send(to(receiver.url, monkeypatch), ALERT)
    assert result.reason == "no answer in time"
    assert len(receiver.taken) == webhook.TRIES


def test_a_refused_connection_is_told(monkeypatch, waits):
    [result] = send(to(f"http://127.0.0.1:{free_port()}/{SECRET}", monkeypatch), ALERT)
    assert result.reason == "the connection was refused, or its host is not there"


@pytest.mark.parametrize(
    "url", ["hooks.example/x", "ftp://hooks.example/x", "https://", "http://[", "http://a:port/x", "file:///etc/passwd"]
)
def test_what_is_no_address_is_told_without_quoting_it(monkeypatch, url):
    [result] = send(to(url, monkeypatch), ALERT)
    assert result.reason == "the address is none: it starts with https:// and names a host"


def test_no_secret_is_told(monkeypatch, waits, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TOKEN", "Bearer " + SECRET)
    results = []
    for answers in ((200,), (500,), (302,), (404,)):
        with receiving(answers=answers, headers={"Location": f"http://x/{SECRET}"}) as receiver:
            results += send(to(receiver.url, monkeypatch, Authorization="TOKEN"), ALERT)
    results += send(to(f"http://user:{SECRET}@127.0.0.1:{free_port()}/{SECRET}", monkeypatch), ALERT)
    monkeypatch.setenv("TOKEN", f"two\nlines {SECRET}")
    results += send(to(f"http://127.0.0.1:1/{SECRET}", monkeypatch, Authorization="TOKEN"), ALERT)
    assert [each.delivered for each in results] == [True, *[False] * 5]
    assert SECRET not in str(results) + caplog.text + "".join(capfd.readouterr())


def test_what_netrc_knows_does_not_replace_a_header(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TOKEN", "Bearer abc")
    with receiving() as receiver:
        send(to(receiver.url, monkeypatch, Authorization="TOKEN"), ALERT)
    assert receiver.seen[0]["Authorization"] == "Bearer abc"


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("HOOK", raising=False)
    [result] = send(AlertSettings(webhook={"url_env": "HOOK"}), ALERT)
    assert (result.receiver, result.reason) == ("webhook", "the environment variable HOOK is not set")
    with receiving() as receiver:
        [result] = send(to(receiver.url, monkeypatch, Authorization="NOWHERE"), ALERT)
    assert result.reason == "the environment variable NOWHERE is not set"


def test_the_address_may_stand_in_a_file_of_one_s_own(tmp_path):
    path = tmp_path / "hook"
    with receiving() as receiver:
        path.write_text(receiver.url + "\n")
        path.chmod(0o600)
        assert send(AlertSettings(webhook={"url_file": path}), ALERT)[0].delivered


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "hook"
    with receiving() as receiver:
        path.write_text(receiver.url)
        path.chmod(mode)
        [result] = send(AlertSettings(webhook={"url_file": path}), ALERT)
    assert result.reason == f"others may read {path}: chmod 600 {path}"
    assert receiver.taken == []


def test_a_file_that_holds_no_address_is_told(tmp_path):
    path = tmp_path / "hook"
    settings = AlertSettings(webhook={"url_file": path})
    assert send(settings, ALERT)[0].reason == f"{path} cannot be read: No such file or directory"
    path.touch(mode=0o600)
    assert send(settings, ALERT)[0].reason == f"{path} is empty"
    path.write_bytes(b"\xff")
    assert send(settings, ALERT)[0].reason == f"{path} is no text"


def program(text: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", text, *arguments


def test_a_command_reads_the_alert(tmp_path):
    write = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    [result] = send(AlertSettings(command=program(write, str(tmp_path / "taken"))), ALERT)
    assert result.delivered
    assert json.loads((tmp_path / "taken").read_text()) == ALERT


def test_no_shell_reads_the_command(tmp_path):
    [result] = send(AlertSettings(command=("echo $(touch here); touch here",)), ALERT)
    assert result.reason == "it cannot be started: No such file or directory"


def test_a_command_that_fails_is_told_by_its_exit_code_alone(capfd):
    text = f"import sys; print('{SECRET}'); sys.exit('{SECRET}')"
    [result] = send(AlertSettings(command=program(text)), ALERT)
    assert result.reason == "it ended with exit code 1"
    assert SECRET not in "".join(capfd.readouterr())


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    text = (
        "import subprocess, sys, time; child = subprocess.Popen(['sleep', '600']);"
        "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(600)"
    )
    [result] = send(AlertSettings(command=program(text, str(tmp_path / "pid")), timeout=2), ALERT)
    assert result.reason == "it did not end within 2 s"
    child = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    deadline = time.monotonic() + 60  # a busy machine takes its time to end it
    while child.exists() and child.read_text().split()[2] != "Z":  # a zombie until init takes it
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_command_that_does_not_read_is_fine():
    assert send(AlertSettings(command=("true",)), {"text": "x" * 1_000_000})[0].delivered


@pytest.mark.parametrize("where", ["url_env: {}", "{{url_env: HOOK, headers: {{Authorization: '{}'}}}}"])
def test_a_secret_that_was_put_into_the_settings_is_refused_and_not_quoted(tmp_path, where):
    given = where.format(f"https://hooks.example/{SECRET}")
    webhook = given if given.startswith("{") else "{" + given + "}"
    path = tmp_path / "pipeline.yaml"
    path.write_text((PRESETS / "taxi.yaml").read_text() + f"alerts: {{webhook: {webhook}}}\n")
    with pytest.raises(SettingsError, match="name of an environment variable") as caught:
        load(str(path))
    assert SECRET not in str(caught.value)
    assert str(path) in caught.value.where


def test_one_receiver_that_fails_does_not_keep_the_other_from_it(monkeypatch):
    monkeypatch.delenv("HOOK", raising=False)
    results = send(AlertSettings(webhook={"url_env": "HOOK"}, command=("true",)), ALERT)
    assert [each.delivered for each in results] == [False, True]


def test_numbers_that_json_does_not_have_are_null(tmp_path):
    write = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    send(AlertSettings(command=program(write, str(tmp_path / "taken"))), {"value": float("nan")})
    assert json.loads((tmp_path / "taken").read_text()) == {"value": None}


@pytest.mark.parametrize(
    "webhook", [{}, {"url_env": "A", "url_file": "b"}, {"url_env": "https://hooks.example/x"}, {"headers": {"A": "B"}}]
)
def test_a_webhook_has_one_address_that_stands_elsewhere(webhook):
    with pytest.raises(ValidationError):
        AlertSettings(webhook=webhook)
