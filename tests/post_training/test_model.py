"""The decoder TRL trains through gives the model's own log-probabilities on padded batches."""

from pathlib import Path

import torch

from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.model import load_model
from alignment_pretraining.pretraining.local.checkpoint import load_checkpoint
from alignment_pretraining.study import SftStage


def test_padding_on_the_right_does_not_change_what_comes_before(base: Path) -> None:
    ids = torch.randint(2, 400, (2, 40), generator=torch.Generator().manual_seed(0))
    sft = SftStage(conversations=8, epochs=1, context=40, batch_size=8, max_lr=1e-3, warmup=0)
    recipe = Recipe(base, sft, 0, PostTrainingConfig())
    mask = torch.ones_like(ids)
    mask[1, 25:] = 0
    ids[1, 25:] = 1

    with torch.no_grad():
        expected = load_checkpoint(base)(input_ids=ids, attention_mask=mask).logits.log_softmax(-1)
        found = load_model(recipe)(input_ids=ids, attention_mask=mask).logits.log_softmax(-1)

    assert torch.allclose(found[mask.bool()], expected[mask.bool()], atol=0.02)
