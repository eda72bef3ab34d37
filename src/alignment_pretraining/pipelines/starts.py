"""The checkpoints that optional pipelines begin from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from kedro.pipeline import Node, node

from alignment_pretraining.core.labels import Label
from alignment_pretraining.study import POST_STAGES, Study


@dataclass(frozen=True)
class Start:
    """A checkpoint of the study, or one from `elsewhere`, whose seed stands for none."""

    label: Label
    chat: bool
    elsewhere: bool = False

    @property
    def checkpoint(self) -> str:
        """What a node reads to get it: a folder, or where it is."""
        return f"params:study.checkpoints.{self.label.arm}" if self.elsewhere else self.label.dataset("checkpoint")

    @property
    def items(self) -> str:
        """The answers to the suite that it gave in the eval pipeline."""
        return f"{self.label.arm}.items" if self.elsewhere else self.label.dataset("items")

    def made(self, stage: str) -> Label:
        """The label of what is made from it."""
        return Label(self.label.arm, self.label.seed, stage)

    def node(self, function: Any, inputs: list[str] | dict[str, str], outputs: str | list[str], name: str) -> Node:
        """A node about it."""
        label = self.label
        return node(
            function, inputs, outputs, name=name, namespace=label.namespace, tags=[label.arm, f"seed{label.seed}"]
        )


def starts(study: Study, of: Collection[str] | None, *, base: bool = False) -> list[Start]:
    """The last post-trained checkpoint of each arm and seed, and chat models from elsewhere, those named in `of` alone
    where it is given; with `base` also the last base model of each, and base models from elsewhere."""
    last = {}
    for arm in study.selected_arms():
        chains = [study.chain(arm)] if base else []
        chains += [study.post_chain(arm)] if study.seeds.post_training else []
        for chain in chains if of is None or arm in of else []:
            last[chain[-1].arm, chain[-1].stage] = chain[-1]
    found = [
        Start(stage_run.label(seed), stage_run.stage in POST_STAGES)
        for stage_run in last.values()
        for seed in study.seeds_of(stage_run)
    ]
    return found + [
        Start(Label(name, 0, "chat" if checkpoint.chat else "base"), checkpoint.chat, elsewhere=True)
        for name, checkpoint in study.checkpoints.items()
        if (base or checkpoint.chat) and (of is None or name in of)
    ]
