"""Settings of the device that trains: the `accelerator` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schema.section import Section


class AcceleratorSettings(Section):
    """What the network is trained on, and how it computes there. No step but `train` and `tune` sees a GPU."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """`auto` takes the GPU where there is one, and the CPU where not. `gpu` without a GPU is an error."""
    memory: Literal["growth"] | Annotated[int, Field(ge=64)] = "growth"
    """Of each GPU: `growth` takes memory as it is needed; a number of MiB is taken at once, and never more."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Keras's dtype policy: layers compute in 16 bits, their weights and the head stay float32. What is exported
    computes in float32 whatever it was trained in."""
    xla: bool = False
    """Compile the training step with XLA, for one replica."""
    replicas: Literal["all"] | Annotated[int, Field(ge=1)] = 1
    """Devices that share each batch (MirroredStrategy). `training.batch_size` stays the size of the whole batch."""
    deterministic: bool = False
    """Only operations that give the same bits each time: slower. For the same weights on every run."""

    @model_validator(mode="after")
    def _xla_has_one_replica(self) -> AcceleratorSettings:
        if self.xla and self.replicas != 1:
            raise ValueError(
                f"accelerator.xla: TensorFlow compiles a training step for one replica; received `replicas: "
                f"{self.replicas}`"
            )
        return self
