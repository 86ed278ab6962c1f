"""Beam's worker processes on this machine: what listens for them is on loopback, and a dead one ends the job.

Beam itself listens on all addresses, and waits without end for a worker that was killed, as the kernel kills one when
memory runs out.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, worker_handlers

from schema.errors import HeadgateError


class ProcessRunner(FnApiRunner):
    """FnApiRunner, which tells that a worker is gone."""

    def run_pipeline(self, pipeline: Any, options: Any) -> Any:
        """Runs a pipeline to its end.

        Raises:
          HeadgateError: a worker process was killed, broke down, or ran out of memory.
        """
        _LOST.clear()
        try:
            return super().run_pipeline(pipeline, options)
        except RuntimeError as error:
            if _LOST:
                raise _gone(_LOST[0]) from error
            for line in str(error).splitlines():
                if line.startswith("MemoryError"):
                    raise _told("ran out of memory", line.strip()) from error
            raise


_LOST: list[int] = []
"""Exit codes of workers that did not end well, of the pipeline at hand."""


class _Worker(local_job_service.SubprocessSdkWorker):
    def __init__(self, *arguments: Any, lost: Callable[[int], None]) -> None:
        super().__init__(*arguments)
        self._lost = lost

    def run(self) -> None:
        try:
            super().run()
        except RuntimeError as error:  # ends in the exit code
            self._lost(int(str(error).rpartition(" ")[2]))


@worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class _Handler(worker_handlers.SubprocessSdkWorkerHandler):
    def start_worker(self) -> None:
        command = (self._worker_command_line, self.control_address, self.provision_info, self.worker_id)
        self.worker = _Worker(*command, lost=self._answer_for_the_dead)
        self.worker_thread = threading.Thread(name="run_worker", target=self.worker.run)
        self.worker_thread.start()

    def _answer_for_the_dead(self, code: int) -> None:
        """Whatever waits for an answer of the worker, or asks it later, is told that there is an error."""
        _LOST.append(code)
        connection, push = self.control_conn, self.control_conn.push

        def answer(instruction: str) -> Any:
            return beam_fn_api_pb2.InstructionResponse(instruction_id=instruction, error="the worker is gone")

        def ask(request: Any) -> Any:
            if request is worker_handlers.BeamFnControlServicer._DONE_MARKER:
                return push(request)
            return worker_handlers.ControlFuture(request.instruction_id, answer(request.instruction_id))

        connection.push = ask
        for instruction, future in list(connection._futures_by_id.items()):
            future.set(answer(instruction))


def _gone(code: int) -> HeadgateError:
    number = -code if code < 0 else code - 128  # as a shell tells it, or Python
    killed = number in set(signal.Signals)
    received = f"{signal.Signals(number).name} (exit code {code})" if killed else f"exit code {code}"
    return _told("was killed" if killed else "broke down", received)


def _told(what: str, received: str) -> HeadgateError:
    return HeadgateError(
        f"A worker process of Beam {what}.",
        where="beam.workers",
        received=received,
        fix="if the machine's memory ran out: set fewer beam.workers, or beam.mode to in_memory",
    )


class _Loopback:
    """gRPC, but a server's port is one of 127.0.0.1."""

    def __getattr__(self, name: str) -> Any:
        return getattr(grpc, name)

    def server(self, *arguments: Any, **options: Any) -> Any:
        server = grpc.server(*arguments, **options)
        add = server.add_insecure_port
        server.add_insecure_port = lambda address: add(address.replace("[::]", "127.0.0.1"))
        return server


worker_handlers.grpc = local_job_service.grpc = _Loopback()
