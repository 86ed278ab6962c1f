"""The measuring itself, and each benchmark once at a tiny size. Nothing here looks at the numbers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as command
from benchmarks import drift, export, gpu, harness, ingest, peers, scale, scale_chart, schedule, statistics
from benchmarks import input as feeding
from components import gpus


def test_a_function_is_called_in_a_fresh_process():
    measured = harness.measure("os:getpid")
    assert measured.value not in (None, os.getpid())
    assert measured.cpu_seconds >= 0
    assert measured.memory_bytes >= 0


def test_a_failure_ends_with_the_processes_output():
    with pytest.raises(RuntimeError, match="No such file"):
        harness.measure("os:listdir", "/no/such/folder")


def test_medians_of_alternating_measurements_are_compared():
    order = []
    ours, peers = iter([1.0, 9.0, 2.0]), iter([8.0, 4.0, 1.0])
    result = harness.compare(
        "name",
        lambda: order.append("ours") or next(ours),
        lambda: order.append("peer") or next(peers),
        peer_name="peer",
    )
    assert order == ["ours", "peer"] * 3
    assert (result.ours, result.peer, result.ratio, result.runs) == (2.0, 4.0, 2.0, 3)


def test_the_command_prints_the_result_as_json(monkeypatch, capsys):
    result = harness.Result("ingest", 1.0, 3.0, "peer", "CPU s", 3.0, 2)
    monkeypatch.setitem(command.BENCHMARKS, "ingest", lambda runs: result)
    command.main(["ingest", "--json"])
    assert list(json.loads(capsys.readouterr().out)) == ["name", "ours", "peer", "peer_name", "unit", "ratio", "runs"]


def test_a_benchmark_that_finds_no_device_says_so(monkeypatch, capsys):
    monkeypatch.setattr(gpus, "installed", lambda: [])
    with pytest.raises(SystemExit) as ended:
        command.main(["gpu", "--json"])
    assert ended.value.code == 69
    assert json.loads(capsys.readouterr().out)["unavailable"].startswith("there is no NVIDIA GPU here")


def test_a_gpu_that_tensorflow_does_not_see_is_no_device(monkeypatch):
    monkeypatch.setattr(gpus, "installed", lambda: ["NVIDIA H200, 143771 MiB"])
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    monkeypatch.setattr(gpu, "measure", lambda function: harness.Measurement(0, 0, 0, []))
    with pytest.raises(harness.Unavailable, match="scripts/setup --gpu"):
        gpu.gpu(1)


@pytest.mark.slow
def test_each_setting_of_the_accelerator_is_measured(monkeypatch):
    monkeypatch.setattr(gpu, "ONE_DEVICE", {name: gpu.ONE_DEVICE[name] for name in (gpu.PEER, "mixed_bfloat16, XLA")})
    result = gpu.gpu(1, device="cpu", rows=16, batch_size=8)
    assert list(result.settings) == [gpu.PEER, "mixed_bfloat16, XLA"]
    assert min(result.settings.values()) > 0
    assert result.ours == max(result.settings.values())
    assert "examples/s" in str(result)


@pytest.mark.slow
@pytest.mark.parametrize(
    "benchmark",
    [
        *(drift.drift_growth, ingest.ingest, ingest.ingest_memory, statistics.statistics),
        *(feeding.dense, feeding.loader, feeding.memory),
    ],
)
def test_each_benchmark_runs(benchmark):
    assert benchmark(1, rows=200).runs == 1


@pytest.mark.slow
def test_every_step_is_measured_at_every_size(monkeypatch):
    monkeypatch.setattr(scale, "_MODEL_ROWS", 300)
    monkeypatch.setattr(scale, "GROWN", ("in_memory",))
    result = scale.scale(1, rows=(200, 400))
    assert [(each.step, each.rows) for each in result.points] == [
        (step, rows) for rows in (200, 400) for step in scale_chart.ORDER
    ]
    assert len(scale_chart.chart([asdict(each) for each in result.points]).to_dict()["hconcat"]) == 2


@pytest.mark.slow
@pytest.mark.skipif(not (peers.ROOT / ".cache/peers/evidently/complete").exists(), reason="needs the peer's packages")
def test_verdicts_of_drift_agree_with_the_peer_s():
    assert drift.drift(1, rows=60_000).runs == 1


def test_a_disagreement_over_drift_fails_the_benchmark():
    value = {"number1": 0.5, "word1": 0.05}
    drift.check(value, value, ["number1"])
    for ours, shifted in (
        ({"number1": 0.09, "word1": 0.05}, ["number1"]),  # we miss what the peer finds
        ({"number1": 0.4, "word1": 0.05}, ["number1"]),  # we measure something else
        (value, ["word1"]),  # both are wrong
    ):
        with pytest.raises(RuntimeError, match="Evidently"):
            drift.check(ours, value, shifted)


@pytest.mark.slow
def test_models_for_the_edge_are_compared_by_size_and_calls():
    assert export.size("size", "mnist-cnn")(1).runs == 1
    assert export.latency("latency", "mnist-cnn", calls=2)(1).runs == 1


def test_what_airflow_costs_a_step_is_counted_from_the_queue_to_the_executor(tmp_path):
    class Postgres:
        def ask(self, statement, database):
            return "begin|100.0|103.0\ningest|110.0|125.0\ntrain|130.0|190.0"

    times = tmp_path / "times"
    times.write_text("ingest 114.0\ntrain 138.0\ntrain 150.0\n", encoding="utf-8")
    database = SimpleNamespace(name="airflow")
    assert schedule._overhead("success", database, Postgres(), times) == (4 + 8 + 3) / 2
