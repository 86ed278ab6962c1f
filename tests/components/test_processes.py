"""Worker processes of Beam that die, and where they are listened for."""

from __future__ import annotations

import os
import resource
import signal

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from components.beam import BeamSettings
from components.processes import _gone
from schema.errors import HeadgateError

ARGUMENTS = BeamSettings(mode="multi_processing", workers=2).pipeline_args()


def killed(row: int) -> int:
    """As the kernel ends a process when memory runs out."""
    if row == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return row


def greedy(row: int) -> int:
    if row == 3:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33))
        bytearray(1 << 34)
    return row


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("work", "message", "received"),
    [(killed, "was killed", "SIGKILL (exit code 137)"), (greedy, "ran out of memory", "MemoryError")],
)
def test_a_worker_out_of_memory_ends_the_run_with_a_message(work, message, received):
    with (
        pytest.raises(HeadgateError, match=f"A worker process of Beam {message}.") as raised,
        beam.Pipeline(argv=ARGUMENTS) as pipeline,
    ):
        _ = pipeline | beam.Create(range(8)) | beam.Reshuffle() | beam.Map(work)
    assert raised.value.exit_code == 1
    assert received in raised.value.received
    assert "fewer beam.workers" in raised.value.fix


@pytest.mark.parametrize(
    ("code", "received"), [(137, "SIGKILL (exit code 137)"), (-11, "SIGSEGV (exit code -11)"), (1, "exit code 1")]
)
def test_an_exit_code_is_told_as_the_signal_that_it_stands_for(code, received):
    assert _gone(code).received == received


def test_beam_s_servers_listen_on_loopback(monkeypatch):
    asked = []

    class Server:
        def add_insecure_port(self, address):
            asked.append(address)
            return 1

    monkeypatch.setattr("grpc.server", lambda *arguments, **options: Server())
    assert worker_handlers.grpc.server().add_insecure_port("[::]:0") == 1
    assert asked == ["127.0.0.1:0"]
