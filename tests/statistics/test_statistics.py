"""The statistics step against stock StatisticsGen, on the same artifacts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apache_beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx import types
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components import parts, statistics
from components.beam import BeamSettings
from components.feature_statistics import by_name, by_slice, row_count, whole
from components.ingest import tfrecord
from components.ingest.encode import Encoder
from schema.errors import DataError

SPLITS = {"train": 3000, "eval": 400, "test": 50}
IN_MEMORY, WORKERS = BeamSettings(), BeamSettings(mode="multi_processing", workers=2)
PRISM = Path(__file__).parents[2] / ".cache/tools/prism"


def table(rows: int, seed: int) -> pa.RecordBatch:
    random = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(200)])
    return pa.record_batch(
        {
            "number": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1),
            "infinite": pa.array(np.where(random.random(rows) < 0.01, np.inf, 1.0)),
            "count": pa.array(random.integers(-5, 1000, rows)),
            "word": pa.array(random.choice(words, rows), mask=random.random(rows) < 0.2),
            "list": pa.array([list(range(row % 3)) for row in range(rows)], pa.list_(pa.int64())),
            "kind": pa.array(random.choice(["a", "b_c"], rows), mask=random.random(rows) < 0.1),
            "empty": pa.nulls(rows, pa.string()),
            "image": pa.array([random.bytes(40) for _ in range(rows)], pa.binary()),
        }
    )


@pytest.fixture
def examples(tmp_path):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    artifact.split_names = '["train", "eval", "test"]'
    artifact.span = 7
    for seed, (split, rows) in enumerate(SPLITS.items()):
        folder = tmp_path / "examples" / f"Split-{split}"
        folder.mkdir(parents=True)
        encoded = Encoder().encode(table(rows, seed))
        for shard in range(2):
            (folder / f"data_tfrecord-{shard:05d}-of-00002").write_bytes(tfrecord.frame(encoded[shard::2]))
    return artifact


@pytest.fixture
def compute(tmp_path, examples):
    def run(executor, images=("image",), slices=(), beam=IN_MEMORY):
        artifact = standard_artifacts.ExampleStatistics()
        folder = tmp_path / f"{executor.__module__}{beam.mode}{beam.runner}"
        artifact.uri = str(folder)
        options = beam.pipeline_args()
        properties = {"stats_options_json": statistics.options(images, slices).to_json(), "exclude_splits": "[]"}
        context = BaseBeamExecutor.Context(beam_pipeline_args=options, tmp_dir=str(tmp_path / "tmp"))
        executor(context).Do({"examples": [examples]}, {"statistics": [artifact]}, properties)
        found = {}
        for split in SPLITS:
            content = (folder / f"Split-{split}" / "FeatureStats.pb").read_bytes()
            found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(content)
        return artifact, found

    return run


@pytest.fixture
def several_parts(monkeypatch):
    """Each file is a part."""
    monkeypatch.setattr(parts, "PART_BYTES", 1)


@pytest.fixture
def on_beam(monkeypatch):
    """The pipelines that were made; they run in this process, whatever was asked for."""
    made = []

    def make(executor):
        made.append(executor)
        return apache_beam.Pipeline(argv=IN_MEMORY.pipeline_args())

    monkeypatch.setattr(statistics.Executor, "_make_beam_pipeline", make)
    return made


def comparable(dataset) -> dict[str, str]:
    """Features by name as text, with numbers rounded: stock has the edges of buckets in float32."""
    found = {}
    for feature in dataset.features:
        for histogram in feature.num_stats.histograms:
            for bucket in histogram.buckets:
                bucket.sample_count = round(bucket.sample_count)
                bucket.low_value, bucket.high_value = (round(x, 5) for x in (bucket.low_value, bucket.high_value))
        for field in ("mean", "std_dev"):
            if feature.HasField("num_stats"):
                # Ours leave infinite values out; stock's are inf or NaN, depending on the order.
                value = 0 if np.isinf(feature.num_stats.max) else getattr(feature.num_stats, field)
                setattr(feature.num_stats, field, round(value, 9))
        found[feature.path.step[0]] = str(feature)
    return found


def test_small_inputs_get_in_memory_what_stock_computes(compute):
    artifact, ours = compute(statistics.Executor)
    stock_artifact, peers = compute(stock.Executor)
    assert artifact.split_names == stock_artifact.split_names
    assert artifact.span == stock_artifact.span == 7
    for split, rows in SPLITS.items():
        (our,), (peer,) = ours[split].datasets, peers[split].datasets
        assert our.num_examples == peer.num_examples == rows
        assert our.name == peer.name
        assert comparable(our) == comparable(peer)


SLICES = [("kind",), ("list", "kind")]


def test_slices_are_those_that_stock_finds(compute):
    _, ours = compute(statistics.Executor, slices=SLICES)
    _, peers = compute(stock.Executor, images=(), slices=SLICES)
    for split, rows in SPLITS.items():
        our, peer = by_slice(ours[split], SLICES), by_slice(peers[split], SLICES)
        assert {name: row_count(each) for name, each in our.items()} == {
            name: row_count(each) for name, each in peer.items()
        }
        assert row_count(ours[split]) == row_count(peers[split]) == rows
    word = (comparable(whole(each["kind=b_c"]))["word"] for each in (our, peer))
    assert next(word) == next(word)


@pytest.mark.parametrize("slices", [(), SLICES], ids=["whole", "sliced"])
def test_beam_s_workers_find_the_same_to_the_last_bit(compute, slices, on_beam, several_parts):
    artifact, ours = compute(statistics.Executor, slices=slices)
    assert not on_beam
    other, theirs = compute(statistics.Executor, slices=slices, beam=WORKERS)
    assert on_beam
    assert ours == theirs
    assert other.split_names == artifact.split_names
    assert sorted(path.name for path in Path(other.uri).iterdir()) == [f"Split-{name}" for name in sorted(SPLITS)]


@pytest.mark.slow
def test_worker_processes_find_the_same_to_the_last_bit(compute, several_parts):
    _, ours = compute(statistics.Executor, slices=SLICES)
    assert compute(statistics.Executor, slices=SLICES, beam=WORKERS)[1] == ours


@pytest.mark.slow
@pytest.mark.skipif(not PRISM.is_file(), reason="needs Beam's Prism: see docs/beam.md")
def test_a_portable_runner_finds_the_same_to_the_last_bit(compute, several_parts):
    _, ours = compute(statistics.Executor, slices=SLICES)
    assert compute(statistics.Executor, slices=SLICES, beam=BeamSettings(runner="prism", prism=PRISM))[1] == ours


def test_sliced_statistics_are_read_as_a_whole_and_by_slice(compute):
    _, plain = compute(statistics.Executor)
    _, sliced = compute(statistics.Executor, slices=SLICES)
    found = sliced["eval"]
    assert len(plain["eval"].datasets) == 1
    assert comparable(whole(plain["eval"])) == comparable(whole(found))
    slices = by_slice(found, SLICES)
    assert list(slices) == ["kind=a", "kind=a & list=0", "kind=a & list=1", *sorted(slices)[3:]]
    buckets = by_name(found)["kind"].string_stats.rank_histogram.buckets
    counts = {f"kind={bucket.label}": bucket.sample_count for bucket in buckets}
    assert counts == {name: row_count(slices[name]) for name in ("kind=a", "kind=b_c")}
    tfdv.infer_schema(found)  # stock readers look at the whole too


def test_images_are_bytes_whose_values_are_not_counted(compute):
    _, found = compute(statistics.Executor)
    image = by_name(found["train"])["image"]
    assert image.type == statistics_pb2.FeatureNameStatistics.BYTES
    assert image.bytes_stats.max_num_bytes_int == 40
    schema = tfdv.infer_schema(found["train"], infer_feature_shape=False)
    (feature,) = [feature for feature in schema.feature if feature.name == "image"]
    assert (feature.type, feature.WhichOneof("domain_info")) == (schema_pb2.BYTES, None)


@pytest.mark.parametrize("beam", [IN_MEMORY, WORKERS], ids=["in memory", "by workers"])
def test_damaged_examples_are_told_with_file_and_record(compute, tmp_path, on_beam, beam):
    path = tmp_path / "examples/Split-train/data_tfrecord-00000-of-00002"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged") as raised:
        compute(statistics.Executor, beam=beam)
    assert raised.value.where == f"{path}, record 1"


@pytest.mark.parametrize("beam", [IN_MEMORY, WORKERS], ids=["in memory", "by workers"])
def test_a_split_without_rows_has_statistics_of_none(compute, tmp_path, on_beam, beam):
    for path in (tmp_path / "examples/Split-test").iterdir():
        path.write_bytes(b"")
    _, found = compute(statistics.Executor, beam=beam)
    assert [each.num_examples for each in found["test"].datasets] == [0]
    assert row_count(found["eval"]) == SPLITS["eval"]


def test_workers_do_not_import_tensorflow():
    code = "import sys, components.profile.examples; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_component_has_the_outputs_of_statistics_gen():
    component = statistics.Statistics(types.Channel(standard_artifacts.Examples), code="fingerprint")
    assert component.outputs["statistics"].type is standard_artifacts.ExampleStatistics
    assert component.exec_properties["code"] == "fingerprint"
