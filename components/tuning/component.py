"""TFX's Tuner with a table of all trials."""

from __future__ import annotations

from typing import Any

from tfx.components.tuner import executor
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils

from components.tuning import trials


class TuneExecutor(executor.Executor):
    """Searches, and writes what TFX's executor writes, and the trials that it leaves out: those that failed."""

    def Do(  # noqa: N802 - TFX's name
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """See TFX's BaseExecutor."""
        search: Any = executor.search(input_dict, exec_properties, self._get_tmp_dir(), print_tuning_summary=False)
        executor.write_best_hyperparameters(search, output_dict)
        trials.write(search.table(), artifact_utils.get_single_uri(output_dict["tuner_results"]))
        search.clear()


class Tune(Tuner):
    """Searches for better settings.

    Outputs:
      best_hyperparameters: for the Trainer (see `components.training.tuned.tuned_values`).
      tuner_results: `trials.json`, beside TFX's own table of those that did not fail.
    """

    EXECUTOR_SPEC = ExecutorClassSpec(TuneExecutor)
