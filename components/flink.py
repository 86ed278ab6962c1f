"""Beam's Flink runner, with one job server for all the pipelines of a process."""

from __future__ import annotations

from apache_beam.runners.portability import flink_runner


class FlinkRunner(flink_runner.FlinkRunner):
    """Runs pipelines on the Flink cluster that `--flink_master` names."""
