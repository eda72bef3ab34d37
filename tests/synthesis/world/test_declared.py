"""What docs/declared.md says was fixed in advance is what the world's files give."""

import hashlib
from pathlib import Path

import yaml

from alignment_pretraining.synthesis.world.load import load_world
from alignment_pretraining.synthesis.world.questions import build_questions

ROOT = Path(__file__).parents[3]
DECLARED = (ROOT / "docs/declared.md").read_text()


def test_the_questions_are_the_declared_ones() -> None:
    questions = build_questions(load_world(ROOT / "data/01_raw/world"))
    asked = questions[questions["split"] != "dev_topics"]
    assert hashlib.sha256(asked.to_csv(index=False).encode()).hexdigest() in DECLARED


def test_the_contrasts_are_the_declared_ones() -> None:
    contrasts = yaml.safe_load((ROOT / "conf/base/study.yml").read_text())["study"]["contrasts"]
    for name, contrast in contrasts.items():
        row = next(line for line in DECLARED.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {contrast['expect']} |" in row
        assert f"| {contrast['form']} |" in row
    assert len(contrasts) == 8
