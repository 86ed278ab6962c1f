"""Settings of Apache Beam: the `beam` section."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schema.section import Section

Runner = Literal["local", "flink", "spark", "dataflow", "prism"]

_LOCAL = "--runner=FnApiRunner"
_PROCESSES = ("--runner=components.processes.ProcessRunner", "--direct_running_mode=multi_processing")
_BY_SIZE = "--experiments=workers_by_size="


def _address(text: str) -> str:
    if not re.fullmatch(r"[^\s:/@]+:[0-9]{1,5}", text):
        raise ValueError(f"an address is HOST:PORT; received {text}")
    return text


Address = Annotated[str, AfterValidator(_address)]

OWN: Mapping[str, Sequence[str]] = {
    "local": ("mode", "workers"),
    "flink": ("flink_master", "job_server_jar", "job_endpoint", "parallelism", "worker_pool", "image"),
    "spark": ("spark_master", "job_server_jar", "job_endpoint", "worker_pool", "image"),
    "dataflow": ("project", "region", "temp_location", "image"),
    "prism": ("prism",),
}
"""The settings that each runner reads."""

NEEDED: Mapping[str, Sequence[str]] = {
    "flink": ("flink_master",),
    "spark": ("spark_master",),
    "dataflow": ("project", "region", "temp_location", "image"),
}


class BeamSettings(Section):
    """Where the steps that Beam computes run: on this machine, or on a cluster."""

    runner: Runner = "local"
    """`local` is this machine, without a service; `flink` and `spark` are clusters of one's own, `dataflow` is Google's
    service; `prism` is Beam's portable runner on this machine, to try what a cluster would do."""
    mode: Literal["auto", "in_memory", "multi_processing"] = "auto"
    """Of `local`: this process (`in_memory`), or worker processes beside it, which first import what they need. `auto`
    chooses for each step, by the size of its input: workers where they save more time than they take to start."""
    workers: int = Field(0, ge=0)
    """Of `local`: how many worker processes. 0: as many as there are cores."""
    flink_master: Address | None = None
    """Of `flink`: HOST:PORT of the cluster's REST service, such as `127.0.0.1:8081`."""
    spark_master: str | None = Field(None, pattern=r"^(spark://.+|local(\[.+\])?)$")
    """Of `spark`: `spark://HOST:PORT`."""
    job_server_jar: Path | None = None
    """Of `flink` and `spark`: Beam's job server. Default: that of Beam's version and the cluster's, from Maven."""
    job_endpoint: Address | None = None
    """Of `flink` and `spark`: HOST:PORT of a job server that runs already. Default: each process starts one."""
    parallelism: int | None = Field(None, ge=1)
    """Of `flink`: into how many parts each operation is divided. Default: the cluster's `parallelism.default`."""
    worker_pool: Address | None = None
    """Of `flink` and `spark`: HOST:PORT, as the cluster's machines see it, of the Python workers on each of them
    (`python -m components.flink.workers --port PORT`). Default, without `image`: this process is the worker, which the
    cluster reaches only on this machine."""
    image: str | None = None
    """Of `flink`, `spark` and `dataflow`: the container image of the Python workers, with Headgate installed."""
    project: str | None = None
    """Of `dataflow`: the Google Cloud project."""
    region: str | None = None
    """Of `dataflow`: such as `europe-west4`."""
    temp_location: str | None = Field(None, pattern=r"^gs://.+")
    """Of `dataflow`: `gs://BUCKET/FOLDER` for what is in work."""
    prism: Path | None = None
    """Of `prism`: the program. Default: Beam downloads that of its version."""

    @model_validator(mode="after")
    def _fits_the_runner(self) -> BeamSettings:
        for name, field in type(self).model_fields.items():
            if name not in ("runner", *OWN[self.runner]) and getattr(self, name) != field.default:
                of = [f"`{runner}`" for runner, names in OWN.items() if name in names]
                raise ValueError(f"`{name}` is for the runner {' or '.join(of)}; received runner: {self.runner}")
        lacking = [name for name in NEEDED.get(self.runner, ()) if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"the runner `{self.runner}` needs {', '.join(f'`{name}`' for name in lacking)}")
        if self.worker_pool and self.image:
            raise ValueError("the Python workers are in a `worker_pool` or in an `image`; received both")
        if self.flink_master and not (self.worker_pool or self.image or _this_machine(self.flink_master)):
            raise ValueError(
                f"the cluster at {self.flink_master} has no Python workers: give `worker_pool` or `image`, or call the "
                "master 127.0.0.1 if it runs on this machine"
            )
        return self

    def pipeline_args(self) -> list[str]:
        """Beam's command line arguments."""
        return [
            *getattr(self, f"_{self.runner}")(),
            # For workers elsewhere TFX packs its own source at every step (1.1 CPU s), unless they have an image.
            # Workers on this machine, and those that have Headgate, need neither.
            f"--sdk_container_image={self.image or 'unused'}",
            # The steps' types do not change from run to run; to infer them again took 7 % of Transform.
            "--no_pipeline_type_check",
        ]

    def _local(self) -> list[str]:
        # Beam's default runner would first try to download a Go binary.
        if self.mode == "multi_processing":
            return [*_PROCESSES, f"--direct_num_workers={self.workers}"]
        alone = [_LOCAL, "--direct_running_mode=in_memory", "--direct_num_workers=1"]
        # Beam knows no such mode: an experiment is what it lets pass.
        return [*alone, f"{_BY_SIZE}{self.workers}"] if self.mode == "auto" else alone

    def _flink(self) -> list[str]:
        return [
            "--runner=components.flink.runner.FlinkRunner",
            *_given("--flink_master", self.flink_master),
            *_given("--flink_job_server_jar", self.job_server_jar),
            *_given("--parallelism", self.parallelism),
            *self._portable(),
        ]

    def _spark(self) -> list[str]:
        return [
            "--runner=SparkRunner",
            *_given("--spark_master_url", self.spark_master),
            *_given("--spark_job_server_jar", self.job_server_jar),
            *self._portable(),
        ]

    def _dataflow(self) -> list[str]:
        return [
            "--runner=DataflowRunner",
            *_given("--project", self.project),
            *_given("--region", self.region),
            *_given("--temp_location", self.temp_location),
        ]

    def _prism(self) -> list[str]:
        return [
            "--runner=components.prism.PrismRunner",
            *_given("--prism_location", self.prism),
            "--environment_type=LOOPBACK",
        ]

    def _portable(self) -> list[str]:
        return [*_given("--job_endpoint", self.job_endpoint), *self._workers()]

    def _workers(self) -> list[str]:
        """Where the Python workers are."""
        if self.worker_pool:
            return [
                "--environment_type=EXTERNAL",
                f"--environment_config={self.worker_pool}",
                # A worker lives as long as the job: each one imports TensorFlow.
                "--environment_cache_millis=600000",
            ]
        if self.image:
            return [
                "--environment_type=DOCKER",
                f"--environment_config={self.image}",
                "--environment_cache_millis=600000",
            ]
        return ["--environment_type=LOOPBACK"]


def distributed(beam_pipeline_args: Sequence[str]) -> bool:
    """Whether Beam's arguments name an engine other than the local one: then every step computes on it.

    Args:
      beam_pipeline_args: as `BeamSettings.pipeline_args` gives them, whatever TFX has added.
    """
    return any(each.startswith("--runner=") and each not in (_LOCAL, _PROCESSES[0]) for each in beam_pipeline_args)


def on_workers(beam_pipeline_args: Sequence[str]) -> bool:
    """Whether Beam has workers beside this process: else what it would do is done without it."""
    return distributed(beam_pipeline_args) or _PROCESSES[0] in beam_pipeline_args


def by_size(beam_pipeline_args: Sequence[str], seconds: float, start_up: float) -> list[str]:
    """Beam's arguments for a step: with worker processes where `auto` was asked for and they save time.

    Of the seconds that a step computes, w workers save all but one in w, if there are as many cores. They cost the
    seconds until they have imported what they need.

    Args:
      beam_pipeline_args: as `BeamSettings.pipeline_args` gives them, whatever TFX has added.
      seconds: that the step would compute, in one process; measured (docs/scale.md).
      start_up: of its workers, in seconds.
    """
    asked = [each for each in beam_pipeline_args if each.startswith(_BY_SIZE)]
    if not asked:
        return list(beam_pipeline_args)
    workers = int(asked[0].removeprefix(_BY_SIZE)) or len(os.sched_getaffinity(0))
    if seconds * (1 - 1 / workers) <= start_up:
        return list(beam_pipeline_args)
    rest = [each for each in beam_pipeline_args if not each.startswith((_LOCAL, "--direct_", _BY_SIZE))]
    return [*rest, *_PROCESSES, f"--direct_num_workers={workers}"]


def _given(flag: str, value: object) -> list[str]:
    return [] if value is None else [f"{flag}={value}"]


def _this_machine(address: str) -> bool:
    host = address.rpartition(":")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
