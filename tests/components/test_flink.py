"""What keeps a pipeline from Flink, and how it is told: no cluster, no Java, no job server, a job that failed."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from urllib.error import URLError

import pytest
from flink_service import free_port

from components.flink.cluster import flink_version, minor, parallelism
from components.flink.jar import job_server
from components.flink.java import java
from schema.errors import HeadgateError


@contextmanager
def answering(**answers):
    """A server that answers GET /NAME with JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(answers.get(self.path[1:].replace("/", "_"))).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def jar(path, flink):
    with zipfile.ZipFile(path, "w") as archive:
        if flink:
            archive.writestr(".flink-runtime.version.properties", f"# built\nproject.version={flink}\n")
    return path


def test_a_cluster_tells_its_version_and_into_how_many_parts_it_divides():
    with answering(
        config={"flink-version": "1.19.3"}, jobmanager_config=[{"key": "parallelism.default", "value": "4"}]
    ) as master:
        assert flink_version(master) == "1.19.3"
        assert minor("1.19.3") == "1.19"
        assert parallelism(master) == 4


def test_where_nothing_answers_the_message_names_the_setting():
    master = f"127.0.0.1:{free_port()}"
    with pytest.raises(HeadgateError, match="The Flink cluster does not answer") as error:
        flink_version(master)
    assert (error.value.where, error.value.received) == (f"beam.flink_master: {master}", "no connection")
    assert error.value.exit_code == 1


def test_another_service_at_the_address_is_not_taken_for_flink():
    with answering(config={"version": "3"}) as master, pytest.raises(HeadgateError) as error:
        flink_version(master)
    assert error.value.received == "an answer that is not Flink's"


@pytest.mark.parametrize("built_for", ["1.19.0", "1.19.3", None])
def test_a_job_server_of_the_same_minor_version_is_taken(tmp_path, built_for):
    given = jar(tmp_path / "server.jar", built_for)
    assert job_server("1.19.3", given) == given


def test_a_job_server_for_another_flink_is_refused(tmp_path):
    with pytest.raises(HeadgateError) as error:
        job_server("2.0.1", jar(tmp_path / "server.jar", "1.19.0"))
    assert error.value.what == "Beam's job server is for Flink 1.19, and the cluster runs Flink 2.0.1."
    assert error.value.expected == "a job server for Flink 2.0"


def test_a_job_server_that_is_not_there_or_no_jar_is_refused(tmp_path):
    with pytest.raises(HeadgateError, match="cannot be read") as error:
        job_server("1.19.3", tmp_path / "nowhere.jar")
    assert error.value.received == "No such file or directory"
    (tmp_path / "text.jar").write_text("hello")
    with pytest.raises(HeadgateError, match="cannot be read") as error:
        job_server("1.19.3", tmp_path / "text.jar")
    assert error.value.received == "no jar"


def test_a_flink_that_beam_does_not_drive_is_refused():
    with pytest.raises(HeadgateError, match=r"has no job server for Flink 1\.18\.1") as error:
        job_server("1.18.1", None)
    assert "1.19, 1.20, 2.0, 2.1, 2.2" in error.value.expected


def test_the_versions_that_beam_drives_are_those_that_it_publishes_a_job_server_for():
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    from components.flink.jar import DRIVEN

    assert list(DRIVEN) == FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS


def test_a_job_server_that_cannot_be_fetched_says_which_file_to_get_and_where_to_put_it(monkeypatch):
    from apache_beam.utils.subprocess_server import JavaJarServer

    def closed(url):
        raise URLError("Name or service not known")

    monkeypatch.setattr(JavaJarServer, "local_jar", closed)
    with pytest.raises(HeadgateError, match=r"for Flink 1\.20 cannot be fetched") as error:
        job_server("1.20.1", None)
    assert error.value.where.endswith("/beam-runners-flink-1.20-job-server-2.77.0.jar")
    assert f"put beam-runners-flink-1.20-job-server-2.77.0.jar into {JavaJarServer.JAR_CACHE}" in error.value.fix
    assert "beam.job_server_jar" in error.value.fix


@pytest.mark.parametrize(("home", "where"), [(None, "the PATH"), ("/no/java", "JAVA_HOME=/no/java")])
def test_without_java_the_message_says_what_to_install(tmp_path, monkeypatch, home, where):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", home)
    with pytest.raises(HeadgateError, match="needs Java, and there is none") as error:
        java()
    assert error.value.where == where
    assert "openjdk-17-jre-headless" in error.value.fix


def test_a_job_server_that_breaks_down_is_told():
    from components.job_server import JobServer

    with pytest.raises(HeadgateError, match="did not start") as error:
        JobServer(lambda port: ["false"]).start()
    assert (error.value.where, error.value.received) == ("false", "exit code 1")


TRACE = """\
Pipeline sales_1 failed in state FAILED: java.lang.RuntimeException: Error from SDK harness for instruction 4: \
Traceback (most recent call last):
  File "own.py", line 3, in prepare
ValueError: five

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 313, in _execute
own.NotGood: five is bad
ValueError: five is bad [while running 'Survey']

\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient
Caused by: java.lang.IllegalStateException: something else
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TRACE, "ValueError: five is bad [while running 'Survey']"),
        (
            "Pipeline sales_1 failed in state FAILED: java.io.IOException: Insufficient number of buffers\n at x",
            "java.io.IOException: Insufficient number of buffers",
        ),
        ("Pipeline failed.", "Pipeline failed."),
    ],
    ids=["Python's error on a worker", "an error of Flink's", "nothing known"],
)
def test_of_a_job_that_failed_the_line_is_told_that_says_why(text, told):
    from components.flink.runner import reason

    assert reason(text) == told


def test_two_task_managers_that_share_a_pool_stop_only_their_own_workers():
    from components.flink.workers import WorkerPool

    class Pool:
        def __init__(self):
            self.running = []
            made.append(self)

        def StartWorker(self, request, context):  # noqa: N802
            self.running.append(request.worker_id)

        def StopWorker(self, request, context):  # noqa: N802
            self.running.remove(request.worker_id)

    made: list[Pool] = []
    pool, first = WorkerPool(Pool), SimpleNamespace(worker_id="1-1")
    one, other = (SimpleNamespace(peer=lambda name=name: name) for name in ("one", "other"))
    pool.StartWorker(first, one)
    pool.StartWorker(first, other)
    pool.StopWorker(first, one)
    assert [each.running for each in made] == [[], ["1-1"]]


def test_workers_listen_on_this_machine_only():
    from components.flink.workers import serve, threads

    address, server = serve(threads)
    server.stop(None)
    assert address.startswith("127.0.0.1:")


def test_a_job_server_elsewhere_that_does_not_answer_is_told_at_once():
    from components.flink.runner import _listens

    endpoint = f"127.0.0.1:{free_port()}"
    with pytest.raises(HeadgateError, match="job server does not answer") as error:
        _listens(endpoint)
    assert (error.value.where, error.value.received) == (f"beam.job_endpoint: {endpoint}", "Connection refused")
