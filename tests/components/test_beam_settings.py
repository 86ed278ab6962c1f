"""The `beam` section: which engine, what each needs, and the arguments that Beam gets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from components.beam import BeamSettings, by_size, distributed, on_workers

FLINK = {"runner": "flink", "flink_master": "127.0.0.1:8081"}
SPARK = {"runner": "spark", "spark_master": "spark://127.0.0.1:7077"}
DATAFLOW = {
    "runner": "dataflow",
    "project": "shops",
    "region": "europe-west4",
    "temp_location": "gs://shops/tmp",
    "image": "europe-docker.pkg.dev/shops/headgate:1",
}


def options(**settings):
    """What Beam's own parser makes of the arguments."""
    from apache_beam.options.pipeline_options import PipelineOptions

    arguments = BeamSettings(**settings).pipeline_args()
    return PipelineOptions(arguments).get_all_options(drop_default=True)


def refused(**settings) -> str:
    with pytest.raises(ValidationError) as error:
        BeamSettings(**settings)
    return str(error.value)


def test_small_data_stay_in_this_process_and_large_go_to_as_many_workers_as_there_are_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(4)))
    arguments = BeamSettings().pipeline_args()
    # Of 40 s, four workers save 30.
    small, large = by_size(arguments, 40, start_up=30), by_size(arguments, 41, start_up=30)
    assert (on_workers(arguments), on_workers(small), on_workers(large)) == (False, False, True)
    assert "--direct_num_workers=4" in large
    assert "--direct_num_workers=4" in by_size(BeamSettings(workers=4).pipeline_args(), 1000, 30)


def test_one_core_has_no_use_for_workers():
    assert not on_workers(by_size(BeamSettings(workers=1).pipeline_args(), 1e9, 30))


@pytest.mark.parametrize("settings", [{"mode": "in_memory"}, {"mode": "multi_processing"}, FLINK])
def test_who_names_a_mode_or_an_engine_has_it_at_any_size(settings):
    arguments = BeamSettings(**settings).pipeline_args()
    assert by_size(arguments, 1e9, 0) == by_size(arguments, 0, 1e9) == arguments
    assert on_workers(arguments) is (settings != {"mode": "in_memory"})


@pytest.mark.parametrize(
    ("settings", "answer"),
    [({}, False), ({"mode": "multi_processing", "workers": 2}, False), (FLINK, True), (SPARK, True), (DATAFLOW, True)],
    ids=["in memory", "several processes", "Flink", "Spark", "Dataflow"],
)
def test_steps_know_from_their_arguments_whether_another_engine_was_asked_for(settings, answer):
    arguments = BeamSettings(**settings).pipeline_args()
    assert distributed(arguments) is answer
    assert distributed([*arguments, "--labels", "tfx_version=1-21-0"]) is answer


def test_two_lines_are_enough_for_flink_on_this_machine():
    assert options(**FLINK) == {
        "runner": "components.flink.runner.FlinkRunner",
        "flink_master": "127.0.0.1:8081",
        "environment_type": "LOOPBACK",
        "sdk_container_image": "unused",
        "pipeline_type_check": False,
    }


def test_a_cluster_has_its_workers_in_a_pool_or_in_containers():
    cluster = {"runner": "flink", "flink_master": "flink.example:8081", "parallelism": 8}
    pool = options(**cluster, worker_pool="localhost:50000")
    assert pool["environment_type"] == "EXTERNAL"
    assert pool["environment_config"] == "localhost:50000"
    assert pool["parallelism"] == 8
    containers = options(**cluster, image="shops/headgate:1")
    assert containers["environment_type"] == "DOCKER"
    assert containers["environment_config"] == "shops/headgate:1"
    assert containers["sdk_container_image"] == "shops/headgate:1"


def test_spark_and_dataflow_get_the_arguments_that_beam_knows():
    assert options(**SPARK)["spark_master_url"] == "spark://127.0.0.1:7077"
    found = options(**DATAFLOW)
    assert {name: found[name] for name in ("runner", "project", "region", "temp_location", "sdk_container_image")} == {
        "runner": "DataflowRunner",
        "project": "shops",
        "region": "europe-west4",
        "temp_location": "gs://shops/tmp",
        "sdk_container_image": "europe-docker.pkg.dev/shops/headgate:1",
    }


def test_prism_is_a_program_on_this_machine():
    found = options(runner="prism", prism="/opt/prism")
    assert (found["runner"], found["prism_location"], found["environment_type"]) == (
        "components.prism.PrismRunner",
        "/opt/prism",
        "LOOPBACK",
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"runner": "flink"}, "the runner `flink` needs `flink_master`"),
        ({"runner": "spark"}, "the runner `spark` needs `spark_master`"),
        ({"runner": "dataflow", "project": "shops"}, "needs `region`, `temp_location`, `image`"),
        ({"flink_master": "127.0.0.1:8081"}, "`flink_master` is for the runner `flink`; received runner: local"),
        ({**FLINK, "workers": 2}, "`workers` is for the runner `local`; received runner: flink"),
        ({"runner": "flink", "flink_master": "http://flink:8081"}, "HOST:PORT; received http://flink:8081"),
        ({"runner": "flink", "flink_master": "flink:8081"}, "no Python workers: give `worker_pool` or `image`"),
        ({**FLINK, "worker_pool": "localhost:5000", "image": "headgate"}, "received both"),
        ({**DATAFLOW, "temp_location": "folder"}, "gs://"),
        ({**FLINK, "parallelism": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_belong_together_are_refused(settings, told):
    assert told in refused(**settings)
