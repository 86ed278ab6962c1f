"""Python workers for Flink: in this process, or as a program that stands beside a cluster's TaskManagers.

    python -m components.flink.workers --port PORT

A TaskManager asks a pool to start and stop workers, by names that it gives them. Beam's own pool
(`apache_beam.runners.worker.worker_pool_main`) knows workers by these names alone, though every TaskManager counts from
`1-1`: of two that share a pool, the first to be done stops the other's worker, and the job fails with "SDK harness
closed connection". It also listens on all of a machine's addresses, and who reaches it has it run code. This one keeps
TaskManagers apart, and listens on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.utils import thread_pool_executor

CACHE_BYTES = 100 << 20
"""Of side inputs that a worker keeps; Beam's default where it starts workers itself."""


class Processes(BeamFnExternalWorkerPoolServicer):
    """Workers in processes of their own. Beam's pool lets what they print fill a pipe that nobody reads."""

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Starts a worker with this program's Python and environment."""
        harness = f"{request.control_endpoint.url!r}, worker_id={request.worker_id!r}, state_cache_size={CACHE_BYTES}"
        program = f"from apache_beam.runners.worker.sdk_worker import SdkHarness; SdkHarness({harness}).run()"
        self._worker_processes[request.worker_id] = subprocess.Popen([sys.executable, "-c", program])
        return beam_fn_api_pb2.StartWorkerResponse()


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """A pool of Beam's for each TaskManager that asks, known by its connection.

    Args:
      make: makes a pool.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._pools: dict[str, Any] = defaultdict(make)

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Starts a worker."""
        return self._pools[context.peer()].StartWorker(request, context)

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Stops a worker of the TaskManager that asks."""
        return self._pools[context.peer()].StopWorker(request, context)


def threads() -> BeamFnExternalWorkerPoolServicer:
    """A pool whose workers are threads of this process."""
    return BeamFnExternalWorkerPoolServicer(state_cache_size=CACHE_BYTES)


def serve(make: Callable[[], Any], port: int = 0) -> tuple[str, Any]:
    """Starts a pool on this machine.

    Args:
      make: makes what starts and stops the workers of one TaskManager.
      port: to listen on; 0 for a free one.

    Returns:
      HOST:PORT, and the gRPC server.

    Raises:
      RuntimeError: the port is taken.
    """
    server = grpc.server(
        thread_pool_executor.shared_unbounded_instance(),
        options=[
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.so_reuseport", 0),
        ],
    )
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(make), server)
    server.start()
    return f"127.0.0.1:{bound}", server


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves workers, each a process of its own, until the program is ended."""
    parser = argparse.ArgumentParser(prog="python -m components.flink.workers", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1 to listen on")
    options = parser.parse_args(arguments)
    address, server = serve(Processes, options.port)
    print(f"workers for Flink at {address}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
