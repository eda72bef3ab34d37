"""The node that has a language model score answers to open questions."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.post_training.emergent import Emergent
from alignment_pretraining.reporting.judged import judged_table
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.chat_data.judged import requests_for, with_scores


def judge_answers(
    free_answers: pd.DataFrame, narrow: Path, emergent: Emergent, anthropic: AnthropicConfig, responses: Path
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """The answers with their scores, rates before and after, and the bill."""
    assert emergent.judge is not None
    prompt = (narrow / "judge.md").read_text(encoding="utf-8")
    counts = answer_all(
        requests_for(free_answers, emergent.judge, prompt), anthropic.api, responses, "emergent misalignment"
    )
    with closing(Store(responses)) as store:
        judged = with_scores(free_answers, emergent.judge, prompt, store.find, anthropic.api.replacements)
    return judged, judged_table(judged), asdict(counts)
