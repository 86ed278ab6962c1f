from __future__ import annotations

import pytest
from recorded import Recorder
from reported import RUN, full, killed
from starlette.testclient import TestClient

from pipeline.report.server import app


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A workspace that tests only look at."""
    return full(tmp_path_factory.mktemp("shared"))


def client(recorder: Recorder, host: str = "127.0.0.1") -> TestClient:
    return TestClient(app(recorder.workspace), base_url=f"http://{host}:8765")


def test_the_index_leads_to_the_page_of_each_run(shared):
    browser = client(shared)

    index = browser.get("/")
    assert f'href="sales/{RUN}.html"' in index.text
    page = browser.get(f"/sales/{RUN}.html")

    assert page.status_code == 200
    assert "Released" in page.text
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"


def test_a_page_is_written_once_and_again_when_the_run_has_changed(tmp_path):
    recorder = full(tmp_path)
    browser, path = client(recorder), recorder.workspace.report("sales", RUN)
    browser.get(f"/sales/{RUN}.html")
    path.write_text("as it was", encoding="utf-8")

    assert browser.get(f"/sales/{RUN}.html").text == "as it was"
    recorder.history.record(RUN, status="not_blessed")
    assert "Not released" in browser.get(f"/sales/{RUN}.html").text


def test_a_workspace_that_cannot_be_written_to_is_shown_all_the_same(tmp_path):
    recorder = full(tmp_path)
    recorder.workspace.reports.write_text("in the way", encoding="utf-8")

    assert "Released" in client(recorder).get(f"/sales/{RUN}.html").text


def test_a_run_that_was_killed_is_shown(tmp_path):
    browser = client(killed(tmp_path))

    assert "interrupted" in browser.get("/").text
    assert "Interrupted" in browser.get(f"/sales/{RUN}.html").text


@pytest.mark.parametrize(
    "path", ["/sales/another.html", f"/other/{RUN}.html", "/../metadata.db", "/sales/..%2f..%2fmetadata.db", "/x"]
)
def test_what_is_no_run_is_not_found(shared, path):
    answer = client(shared).get(path)

    assert answer.status_code == 404
    assert "There is no such page." in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(shared, method):
    assert client(shared).request(method, "/").status_code == 405


@pytest.mark.parametrize(
    ("host", "code"),
    [("localhost", 200), ("127.0.0.1", 200), ("[::1]", 200), ("evil.example", 421), ("127.0.0.1.nip.io", 421)],
)
def test_a_name_that_was_pointed_here_is_refused(shared, host, code):
    assert client(shared, host).get("/").status_code == code


def test_a_database_that_cannot_be_read_is_told_in_words(tmp_path):
    recorder = full(tmp_path)
    recorder.workspace.metadata.write_bytes(b"not a database" * 100)

    answer = client(recorder).get("/")

    assert answer.status_code == 500
    assert "database cannot be read" in answer.text


def test_an_empty_workspace_says_how_to_start(tmp_path):
    assert "There are none in this workspace yet" in client(Recorder(tmp_path)).get("/").text
