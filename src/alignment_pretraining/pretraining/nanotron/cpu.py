"""Lets nanotron run on CPUs over gloo, for rehearsals and tests. Nothing here is used where CUDA is.

nanotron asks for "cuda" by name, calls `torch.cuda` for memory figures, averages in collectives (gloo only sums) and
relies on sends that do not block (gloo's do until the other side receives, on which a pipeline deadlocks).
"""

import os
from typing import Any

import torch
import torch.distributed
from torch.overrides import TorchFunctionMode


class _CudaIsCpu(TorchFunctionMode):
    """Creates and moves tensors on the CPU where the GPU is asked for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = {key: _on_cpu(value) for key, value in (kwargs or {}).items()}
        return func(*(_on_cpu(value) for value in args), **kwargs)


def _on_cpu(value: Any) -> Any:
    named = value == "cuda" if isinstance(value, str) else isinstance(value, torch.device) and value.type == "cuda"
    return torch.device("cpu") if named else value


class _Done:
    """The handle of a collective that has already ended."""

    def wait(self) -> bool:
        return True


_pending: list[Any] = []


def start() -> None:
    """Join the process group over gloo and redirect this process, before nanotron's trainer is built."""
    torch.distributed.init_process_group("gloo")
    for name in ("set_device", "synchronize", "reset_peak_memory_stats", "empty_cache"):
        setattr(torch.cuda, name, lambda *_, **__: None)
    for name in ("memory_allocated", "max_memory_allocated", "max_memory_reserved"):
        setattr(torch.cuda, name, lambda *_, **__: 0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    _CudaIsCpu().__enter__()  # type: ignore[no-untyped-call]
    _patch_collectives()
    _skip_inference_rotary()


def wait_for_sends() -> None:
    """Return when everything sent so far was received; call it once a step, so that the kept copies are freed."""
    for work, _ in _pending:
        work.wait()
    _pending.clear()


def _patch_collectives() -> None:
    import nanotron.distributed as dist

    sum_reduce = dist.all_reduce

    def all_reduce(tensor: Any, op: Any = dist.ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Any:
        if op != dist.ReduceOp.AVG:
            return sum_reduce(tensor, op=op, group=group, async_op=async_op)
        sum_reduce(tensor, op=dist.ReduceOp.SUM, group=group)
        with torch.no_grad():
            tensor.div_(torch.distributed.get_world_size(group))
        return _Done()

    def send(tensor: Any, dst: int, group: Any = None, tag: int = 0) -> Any:
        copy = tensor.detach().clone()
        _pending.append((torch.distributed.isend(copy, dst=dst, group=group, tag=tag), copy))
        return _Done()

    dist.all_reduce = all_reduce
    dist.send = dist.isend = send


def _skip_inference_rotary() -> None:
    """This table is used in generation alone, and its constructor insists on CUDA."""
    from nanotron.models.llama import RotaryEmbedding

    RotaryEmbedding.init_rotary_embeddings = lambda self: None
