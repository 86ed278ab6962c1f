"""Settings of pipelines on Kubeflow: the `kubeflow` section."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from schema.section import Section


class KubeflowSettings(Section):
    """How `headgate compile --kubeflow` describes the pipeline: one container a step, with one workspace for all."""

    image: str = Field("headgate:0.1.0", pattern=r"^\S+$")
    """The image that every step runs in: that of `deploy/Dockerfile`, or one built on it that holds your own code."""
    workspace: str = Field("/workspace", pattern="^/[^/]")
    """Where the containers find the workspace. On Vertex AI a folder of a bucket, `/gcs/BUCKET/FOLDER`."""
    volume: str | None = Field(None, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    """The PersistentVolumeClaim with the workspace. Default: the cluster mounts it, as Vertex AI does buckets."""
    secrets: dict[str, str] = {}
    """Environment variables of every step from Secrets of Kubernetes, `VARIABLE: SECRET/KEY`, such as
    `HEADGATE_METADATA_PASSWORD: headgate/metadata-password`."""
    cpu: float | None = Field(None, gt=0)
    """Most CPUs of a step. Default: the cluster's."""
    memory: str | None = Field(None, pattern=r"^[0-9]+(\.[0-9]+)?([KMGT]i?)?$")
    """Most memory of a step, such as `8Gi`. Default: the cluster's."""
    gpus: int = Field(0, ge=0)
    """GPUs of each step that trains."""
    retries: int = Field(2, ge=0)
    """How often a step that failed is tried again."""

    @field_validator("secrets")
    @classmethod
    def _of_a_key(cls, value: dict[str, str]) -> dict[str, str]:
        for variable, place in value.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._-]+", place):
                raise ValueError(f"a Secret and its key, such as `headgate/password`; received {variable}: {place}")
        return value
