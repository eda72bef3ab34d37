"""FSDP without GPUs, over gloo: accelerate takes it for GPUs alone, and torch does not mind."""


def allow_sharding() -> None:
    """Have accelerate shard on CPUs, in processes that have met; call it before the Trainer is made."""
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
