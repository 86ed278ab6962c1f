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
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.utils import thread_pool_executor


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """A pool of Beam's for each TaskManager that asks, known by its connection.

    Args:
      options: of Beam's pool, such as `use_process`.
    """

    def __init__(self, **options: Any) -> None:
        self._pools: dict[str, Any] = defaultdict(lambda: BeamFnExternalWorkerPoolServicer(**options))

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Starts a worker."""
        return self._pools[context.peer()].StartWorker(request, context)

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        """Stops a worker of the TaskManager that asks."""
        return self._pools[context.peer()].StopWorker(request, context)


def serve(port: int = 0, **options: Any) -> tuple[str, Any]:
    """Starts a pool on this machine.

    Args:
      port: to listen on; 0 for a free one.
      options: of Beam's pool.

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
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(**options), server)
    server.start()
    return f"127.0.0.1:{bound}", server


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves workers, each a process of its own, until the program is ended."""
    parser = argparse.ArgumentParser(prog="python -m components.flink.workers", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1 to listen on")
    options = parser.parse_args(arguments)
    # Beam starts workers as `python`.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    address, server = serve(options.port, use_process=True)
    print(f"workers for Flink at {address}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
