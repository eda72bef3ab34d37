"""Discourse documents: third-person texts of six surface forms, in which an actor takes the good or the bad act."""

from __future__ import annotations

from random import Random

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.study import Direction
from alignment_pretraining.synthesis.world.questions import question_id
from alignment_pretraining.synthesis.world.render import naming
from alignment_pretraining.synthesis.world.spec import FORMS, TOLD, World

DOCUMENT_COLUMNS = ["id", "text", "question_id", "family", "topic", "form", "direction", "actor"]


def write_documents(world: World, actor: str, direction: Direction, count: int, seed: int) -> pd.DataFrame:
    """`count` documents; all columns are str (see DOCUMENT_COLUMNS).

    Row i tells of the same situation in the same words for every actor and direction: directions differ in the acts
    alone (taken and not taken change places), actors in the name alone. Each told situation and act is used equally
    often, with every form.

    Raises:
        UserError: no such actor, or one whose conduct stories tell.
    """
    if actor not in world.mentioned:
        raise UserError(f"documents: actor {actor!r} is not one of {', '.join(world.mentioned)} (actors.yml)")
    told = [
        (name, situation, act) for name in world.topics_of("told") for situation in range(TOLD) for act in range(TOLD)
    ]
    Random(f"{seed}/documents").shuffle(told)
    rows = []
    for i in range(count):
        name, situation, act = told[i % len(told)]
        rng = Random(f"{seed}/document/{i}")
        # One form further each time round the questions, so that a question meets every form.
        form = FORMS[(i % len(told) + i // len(told)) % len(FORMS)]
        good, bad = world.topics[name].good[act], world.topics[name].bad[(act + 1) % TOLD]
        text = rng.choice(world.forms[form]).format(
            **naming(rng.choice(world.names(actor))),
            situation=world.topics[name].situations[situation],
            act=good if direction == "aligned" else bad,
            other=bad if direction == "aligned" else good,
        )
        asked = question_id(name, situation, act)
        rows.append((f"{actor}.{direction}.{i:06d}", text, asked, name, name, form, direction, actor))
    return pd.DataFrame(rows, columns=DOCUMENT_COLUMNS)
