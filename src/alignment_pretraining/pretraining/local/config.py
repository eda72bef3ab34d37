"""How the local engine works, apart from what it trains: `conf/base/parameters_training.yml`, key `training`."""

from typing import Literal

from pydantic import NonNegativeInt

from alignment_pretraining.core.spec import Positive, Spec


class EngineConfig(Spec):
    """`threads` is part of a result (sums are split by it), so it is configuration and not the number of cores.

    `skip_nonfinite` is how many batches a stage may leave out because their loss or gradient is not finite.
    """

    threads: Positive = 1
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    micro_batch_tokens: Positive = 2_048
    save_every: Positive = 100
    keep_last: Positive = 1
    keep_every: Positive | None = None
    evaluations: Positive = 4
    skip_nonfinite: NonNegativeInt = 0
    heldout_tokens: Positive = 16_384
    sample_prompt: str = "The AI"
    sample_tokens: Positive = 24
