"""The files of a ModelEvaluation artifact, as TFMA writes and reads them.

    eval_config.json                        EvalRun: the configuration, TFMA's version, the models' folders
    metrics-00000-of-00001.tfrecord         MetricsForSlice, one for each slice
    plots-00000-of-00001.tfrecord           PlotsForSlice
    attributions-00000-of-00001.tfrecord    AttributionsForSlice
    validations.tfrecord                    ValidationResult

No metric of `config` makes plots or attributions, and there are no thresholds to validate. TFMA writes these files
even so, with nothing but the slices' keys, and its readers look for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format
from tensorflow_model_analysis import version
from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from components.evaluation.combine import Metrics
from components.evaluation.extracts import SliceKey
from components.ingest import tfrecord


def write(
    found: Mapping[SliceKey, Metrics], config: config_pb2.EvalConfig, models: Mapping[str, str], folder: Path
) -> None:
    """Writes what `tfma.load_eval_result` and its like read.

    Args:
      found: TFMA's metrics by slice.
      config: the configuration that they were computed with.
      models: folders of SavedModels by TFMA's name of the model.
      folder: made if need be.
    """
    # Slices come in the order of sets of strings, which is another one in each process.
    found = dict(sorted(found.items(), key=lambda item: (len(item[0]), repr(item[0]))))
    run = config_pb2.EvalRun(
        eval_config=config,
        version=version.VERSION,
        data_location="<user provided PCollection>",  # TFMA's words where it read the data from a pipeline
        file_format="<unknown>",
        model_locations=models,
    )
    validations = writer.CombineValidations(config)
    validation = validations.create_accumulator()
    for each in found.items():
        validation = validations.add_input(validation, validate_metrics(each, config))
    messages = {
        "metrics-00000-of-00001": [writer.convert_slice_metrics_to_proto(each, []) for each in found.items()],
        "plots-00000-of-00001": [writer.convert_slice_plots_to_proto((key, {}), []) for key in found],
        "attributions-00000-of-00001": [writer.convert_slice_attributions_to_proto((key, {})) for key in found],
        "validations": [validations.extract_output(validation)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eval_config.json").write_text(json_format.MessageToJson(run) + "\n", encoding="utf-8")
    for name, records in messages.items():
        (folder / f"{name}.tfrecord").write_bytes(tfrecord.frame([each.SerializeToString() for each in records]))
