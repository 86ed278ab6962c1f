"""Ingestion without TFX: runs it, and reads what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import apache_beam as beam
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.ingest import tfrecord
from components.ingest.settings import IngestSettings
from components.ingest.shards import Summary, ingest
from components.ingest.spans import resolve


def run(settings: IngestSettings, target: Path) -> Summary:
    """Writes the splits below `target`."""
    options = ["--runner=FnApiRunner", "--direct_running_mode=in_memory"]
    return ingest(resolve(settings.data), settings, target, lambda: beam.Pipeline(argv=options))


def rows_of(target: Path, split: str = "*") -> list[dict]:
    """The rows that were written, as {feature: value}; lists of one value taken apart."""
    rows = []
    for path in sorted(target.glob(f"Split-{split}/*")):
        for part in tfrecord.read(path, 10_000):
            batch = ExamplesToRecordBatchDecoder().DecodeBatch(part.data)
            rows += [{name: value[0] if value else None for name, value in row.items()} for row in batch.to_pylist()]
    return rows


def quarantine(target: Path) -> list[dict]:
    """The quarantine, line by line."""
    return [json.loads(line) for line in (target / "quarantine.jsonl").read_text().splitlines()]
