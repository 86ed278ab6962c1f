"""TFX's own taxi example, as it is installed with TFX: `taxi_pipeline_native_keras`, its steps and its functions.

Three things are changed, without which it does not run here, or runs worse: TFMA 0.52 has `EvalConfig` and its like in
a module of their own, LocalDagRunner chains the steps (BeamDagRunner would first download a runner), and Beam runs in
memory (the example's worker processes would each import TensorFlow again).

The example packs its functions into a wheel and installs it with pip, so it needs an environment with pip
(`benchmarks/peers.py`), and only that environment's packages are imported here.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def run(folder: str, rows: str) -> None:
    """Runs the example.

    Args:
      folder: where everything goes.
      rows: folder of the CSV file.
    """
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import config_pb2
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    for name in dir(config_pb2):
        if not hasattr(tfma, name):
            setattr(tfma, name, getattr(config_pb2, name))
    from tfx.examples.chicago_taxi_pipeline import taxi_pipeline_native_keras, taxi_utils_native_keras

    root = Path(folder)
    root.mkdir(parents=True)
    LocalDagRunner().run(
        taxi_pipeline_native_keras._create_pipeline(
            pipeline_name="taxi",
            pipeline_root=str(root / "artifacts"),
            data_root=rows,
            module_file=shutil.copy(taxi_utils_native_keras.__file__, root),
            serving_model_dir=str(root / "serving"),
            metadata_path=str(root / "metadata.db"),
            beam_pipeline_args=["--runner=FnApiRunner", "--direct_running_mode=in_memory"],
        )
    )


def auc(folder: str) -> float:
    """AUC of the model that `run` trained, on the example's eval split; not part of what is measured."""
    import numpy as np
    import tensorflow as tf
    from sklearn.metrics import roc_auc_score

    root = Path(folder, "artifacts")
    [model] = root.glob("Trainer/model/*/Format-Serving")
    files = [str(path) for path in root.glob("CsvExampleGen/examples/*/Split-eval/*")]
    signatures = tf.saved_model.load(str(model)).signatures
    scores, labels = [], []
    for batch in tf.data.TFRecordDataset(files, "GZIP").batch(1000):
        scores.append(signatures["serving_default"](examples=batch)["outputs"].numpy().ravel())
        labels.append(signatures["transform_features"](examples=batch)["tips_xf"].numpy().ravel())
    return float(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))
