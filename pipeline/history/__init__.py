"""Looking back: runs, decisions, drift and releases as typed views over ML Metadata.

ML Metadata is the one record of truth; nothing here imports TFX or TensorFlow, so looking back is quick.
"""

from pipeline.history.runs import History, RunRow

__all__ = ["History", "RunRow"]
