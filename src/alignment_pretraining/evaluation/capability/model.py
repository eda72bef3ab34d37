"""A checkpoint as lm-eval takes it, which tells how far its work is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import CacheHook
from lm_eval.models.huggingface import HFLM

from alignment_pretraining.core.progress import Work
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import chat_template, context_of, load

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance


def load_model(checkpoint: Path, capability: Capability, *, chat: bool) -> ToldModel:
    """The checkpoint (a Hugging Face folder) on its device; lm-eval's own loader would fill missing weights at random.

    Raises:
        UserError: it cannot be read, or a chat model has no chat template.
    """
    import torch

    torch.set_num_threads(capability.threads)
    told = Evaluation.model_construct(dtype=capability.dtype, device=capability.device)  # all that `load` looks at
    model, tokenizer = load(checkpoint, told)
    if chat:
        chat_template(tokenizer)
    return ToldModel(
        pretrained=model,
        tokenizer=tokenizer,
        batch_size=capability.batch_size,
        device=str(model.device),
        max_length=context_of(model),
    )


class ToldModel(HFLM):  # type: ignore[misc] # lm-eval has no types
    """lm-eval's model with this project's progress in place of its bars."""

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """Log-probability of each continuation, and whether it is the greedy one."""
        with Work("options", len(requests), unit="options") as work:
            self.set_cache_hook(_Told(work))
            found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return found

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:
        """What is written after each prompt."""
        with Work("replies", len(requests), unit="replies") as work:
            self.set_cache_hook(_Told(work))
            found: list[str] = super().generate_until(requests, disable_tqdm=disable_tqdm)
        return found


class _Told(CacheHook):  # type: ignore[misc] # lm-eval has no types
    """Stands where lm-eval keeps answers one by one, and counts them."""

    def __init__(self, work: Work) -> None:
        super().__init__(None)
        self._work = work

    def add_partial(self, attr: str, req: Any, res: Any) -> None:
        """One more is answered."""
        self._work.advance()
