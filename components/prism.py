"""Beam's Prism runner, whose server ends with this process, and errors for a reader to act on."""

from __future__ import annotations

import functools
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, PrismRunnerOptions
from apache_beam.runners.portability import prism_runner

from components.job_server import JobServer
from schema.errors import HeadgateError


class PrismRunner(prism_runner.PrismRunner):
    """Runs pipelines on a Prism of this process' own."""

    def default_job_server(self, options: Any) -> JobServer:
        """The process' Prism."""
        return _shared(options.view_as(PrismRunnerOptions).prism_location)


@functools.cache
def _shared(program: str | None) -> JobServer:
    return JobServer(functools.partial(_command, program))


def _command(program: str | None, port: int) -> list[str]:
    options = PipelineOptions(job_port=port, prism_location=program, prism_log_kind="text")
    try:
        command, _ = prism_runner.PrismJobServer(options).subprocess_cmd_and_endpoint()
    except Exception as error:
        raise HeadgateError(
            "Prism, Beam's runner for this machine, is not there and cannot be fetched.",
            where=f"beam.prism: {program}" if program else "beam.prism",
            received=str(error).partition("\n")[0],
            fix="name the program, of Beam's own version: docs/beam.md shows how to build it",
        ) from error
    return [str(word) for word in command]
