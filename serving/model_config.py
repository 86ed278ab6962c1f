"""`models.config`: the ModelServerConfig that tells TensorFlow Serving which versions are in service.

TensorFlow Serving reads the file again and again (`--model_config_file_poll_wait_seconds`), so it is only ever
replaced as a whole. Functions here change a config in memory; `read` and `write` are the only ones with a file.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from schema.errors import ReleaseError
from schema.remote.addresses import told
from serving import files

FILE_NAME = "models.config"

STABLE = "stable"
"""Label of the version that answers requests."""


def read(serving_dir: Path) -> ModelServerConfig:
    """Reads `models.config`; an empty config where there is no such file yet.

    Raises:
      ReleaseError: the file does not parse, or holds another kind of config than a list of models.
    """
    path = serving_dir / FILE_NAME
    config = ModelServerConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except FileNotFoundError:
        return config
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ReleaseError(
            "The serving configuration does not parse; nothing was changed.",
            where=str(path),
            expected="a ModelServerConfig in protobuf text format",
            received=str(error),
            fix="Correct the file, or delete it: the next release writes a new one.",
        ) from error
    if config.WhichOneof("config") not in (None, "model_config_list"):
        raise ReleaseError(
            "The serving configuration is of a kind that Headgate cannot add a model to; nothing was changed.",
            where=str(path),
            expected="model_config_list { ... }",
            received=f"{config.WhichOneof('config')} {{ ... }}",
            fix="Release into another serving directory.",
        )
    return config


def write(serving_dir: Path, config: ModelServerConfig) -> None:
    """Replaces `models.config` in one step."""
    files.replace(serving_dir / FILE_NAME, text_format.MessageToString(config))


def entry(config: ModelServerConfig, model: str) -> ModelConfig | None:
    """The entry of a model, or None where it has none."""
    return next((entry for entry in config.model_config_list.config if entry.name == model), None)


def stable(config: ModelServerConfig, model: str) -> int | None:
    """The version that answers requests: the one labelled `stable`, else the highest that is named."""
    found = entry(config, model)
    if found is None:
        return None
    if STABLE in found.version_labels:
        return int(found.version_labels[STABLE])
    return max(found.model_version_policy.specific.versions, default=None)


def named(config: ModelServerConfig, model: str) -> set[int]:
    """All versions that a model's entry names, by policy or label."""
    found = entry(config, model)
    if found is None:
        return set()
    return {*found.model_version_policy.specific.versions, *found.version_labels.values()}


def set_stable(config: ModelServerConfig, model: str, base_path: Path, version: int) -> None:
    """Puts a version in service in place of the stable one. Other models and other labels stay as they are.

    Args:
      config: changed in place.
      model: name of the model.
      base_path: folder that holds the model's versions.
      version: the version to serve.
    """
    found = entry(config, model)
    if found is None:
        found = config.model_config_list.config.add(name=model)
    found.base_path = told(str(base_path.resolve()))
    found.model_platform = "tensorflow"
    found.version_labels[STABLE] = version
    del found.model_version_policy.specific.versions[:]
    found.model_version_policy.specific.versions.extend(sorted(set(found.version_labels.values())))
