from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import pytest
import requests
from recorded import Recorder
from reported import RUN, full, killed
from small_pipeline import PROGRAM, Ended, invoke

from pipeline.commands.report import with_report
from pipeline.report.kept import fresh


def report(recorder: Recorder, *arguments: str) -> Ended:
    return invoke(["report", *arguments, "--workspace", str(recorder.workspace.root)])


def test_the_page_of_the_latest_run_is_written_beside_an_index(tmp_path):
    recorder = full(tmp_path)
    recorder.run("later")

    assert report(recorder).stdout == (
        f"report: {tmp_path}/reports/sales/later.html\nindex: {tmp_path}/reports/index.html\n"
    )
    index = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    assert 'href="sales/later.html"' in index
    assert RUN in index and f'href="sales/{RUN}.html"' not in index, "a run without a page has no link"


def test_pages_of_all_runs_may_be_asked_for(tmp_path):
    recorder = full(tmp_path)
    recorder.run("later", pipeline="other")

    assert report(recorder, "--all", "--json").json == {
        "reports": [f"{tmp_path}/reports/other/later.html", f"{tmp_path}/reports/sales/{RUN}.html"],
        "index": f"{tmp_path}/reports/index.html",
    }
    assert report(recorder, RUN, "--all").code == 2


def test_a_workspace_without_runs_and_a_run_that_is_not_there_are_refused(tmp_path):
    assert "headgate run" in report(Recorder(tmp_path)).stderr
    assert "There is no such run." in report(full(tmp_path / "full"), "another").stderr


def test_a_run_with_nothing_to_do_keeps_the_page_that_is_there(tmp_path):
    recorder = full(tmp_path)
    report(recorder)
    summary = recorder.history.summary(RUN)
    page = recorder.workspace.report("sales", RUN)
    page.write_text("as it was", encoding="utf-8")

    again = with_report(replace(summary, nothing_to_do=True), tmp_path)

    assert (again.report, page.read_text(encoding="utf-8")) == (str(page), "as it was")
    recorder.history.record(RUN, status="failed")
    assert not fresh(recorder.workspace, "sales", RUN)


@pytest.mark.slow
def test_looking_back_imports_no_tensorflow(tmp_path):
    recorder = killed(tmp_path)
    script = (
        "import sys\n"
        "from pipeline.cli import app\n"
        f"app(['report', '-w', {str(recorder.workspace.root)!r}], standalone_mode=False)\n"
        "import pipeline.report.server\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "apache_beam", "tfx", "keras", "tensorflow_data_validation"} & set(done.stdout.split())


@pytest.mark.slow
def test_the_server_answers_on_loopback_until_it_is_interrupted(tmp_path):
    recorder = full(tmp_path)
    command = [PROGRAM, "ui", "--port", "0", "--workspace", str(recorder.workspace.root)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())[0]
        assert RUN in requests.get(address, timeout=30).text
        server.send_signal(signal.SIGINT)
        said, errors = server.communicate(timeout=30)
        assert (server.returncode, said, errors) == (0, "Ended.\n", "")
    finally:
        server.kill()
        server.communicate()


def test_a_port_that_is_taken_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = invoke(["ui", "--workspace", str(tmp_path), "--port", port])

    assert ended.code == 2
    assert f"--port {port}" in ended.stderr
