"""The label of a checkpoint: `<arm>.seed<number>.<stage>`, as datasets, namespaces, tables and reports name it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alignment_pretraining.core.errors import UserError

_LABEL = re.compile(r"(?P<arm>\w+)\.seed(?P<seed>\d+)\.(?P<stage>\w+)")
_NAMESPACE = re.compile(r"(?P<arm>\w+)\.seed(?P<seed>\d+)")


@dataclass(frozen=True)
class Label:
    """A checkpoint of `arm` (the one that trained it) from `seed`, after `stage`."""

    arm: str
    seed: int
    stage: str

    @classmethod
    def parse(cls, text: str) -> Label:
        """Read a label such as `aligned_e2e.seed0.midtraining`.

        Raises:
            UserError: the text has another shape.
        """
        match = _LABEL.fullmatch(text)
        if match is None:
            raise UserError(f"{text!r} does not read <arm>.seed<number>.<stage>")
        return cls(match["arm"], int(match["seed"]), match["stage"])

    @property
    def namespace(self) -> str:
        """The Kedro namespace of what belongs to it, such as `aligned_e2e.seed0`."""
        return f"{self.arm}.seed{self.seed}"

    def dataset(self, what: str) -> str:
        """Catalog name of one of its datasets, such as `aligned_e2e.seed0.midtraining.checkpoint`."""
        return f"{self}.{what}"

    def __str__(self) -> str:
        return f"{self.namespace}.{self.stage}"


def arm_and_seed(namespace: str) -> tuple[str, int] | None:
    """Arm and seed of a namespace such as `aligned_e2e.seed0`; None for another namespace."""
    match = _NAMESPACE.fullmatch(namespace)
    return (match["arm"], int(match["seed"])) if match else None
