"""A rehearsal changes sizes alone, and refuses what the real run would."""

from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight.check import needs_of, refuse_short
from alignment_pretraining.planning.rehearsal.run import rehearse
from alignment_pretraining.planning.rehearsal.shrink import covering_arms, shrink
from tests.conftest import PROJECT
from tests.planning.preflight.test_preflight import FOLDERS, parameters, written

# What a rehearsal may change, by the ends of keys; everything else is what is rehearsed.
SIZES = {
    *("run", "base", "post_training", "vocab_size", "hidden_size", "intermediate_size", "layers", "heads"),
    *("max_context", "context", "batch_tokens", "tokens", "batch_size", "conversations", "pairs", "count", "samples"),
    *("max_bytes", "part_bytes", "holds", "threads", "micro_batch_tokens", "save_every", "keep_every", "evaluations"),
    *("heldout_tokens", "sample_tokens", "dp", "tp", "pp", "micro_batch", "articles", "textbook", "heldout_topics"),
    *("continued", "natural_discourse_share", "processes", "limit"),
}
# What sources hold, and the benchmark whose packages are not among the locked ones.
LEFT_OUT = (".preflight.holds.", ".capability.tasks.ifeval.")
PLACES = {"device", "poll_seconds", "base_url", "modules", "setup", "container"}  # where it runs


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {inner: leaf for name, one in value.items() for inner, leaf in leaves(one, f"{key}.{name}").items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {inner: leaf for i, one in enumerate(value) for inner, leaf in leaves(one, f"{key}.{i}").items()}
    return {key: value}


@pytest.mark.parametrize("env", ["base", "node", "paper"])
def test_sizes_alone_are_changed_and_the_small_study_passes_its_preflight(env: str) -> None:
    spec = parameters(env)
    values = shrink(written(env), spec)
    small = Parameters.model_validate(values)
    before, after = leaves(spec.model_dump()), leaves(small.model_dump())
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    ends = {key.rpartition(".")[2] for key in changed if not key.startswith(LEFT_OUT)}
    assert ends <= SIZES | PLACES and "tokens" in ends
    refuse_short(needs_of(small, FOLDERS.__getitem__, PROJECT), env)
    for name, layout in (spec.cluster.layouts if spec.cluster else {}).items():
        assert small.cluster is not None
        little = small.cluster.layout(name)
        assert [n > 1 for n in (layout.dp, layout.tp, layout.pp)] == [n > 1 for n in (little.dp, little.tp, little.pp)]
        assert little.gpus <= 8


def test_the_arms_have_everything_that_the_study_has() -> None:
    study = parameters("paper").study
    arms = covering_arms(study)
    assert len(arms) < 6 < len(study.selected_arms())
    for field in ("corpus", "insertion"):
        assert {getattr(study.arms[a], field) for a in arms} == {getattr(a, field) for a in study.arms.values()}


def test_what_the_real_run_would_refuse_is_refused_before_anything_runs(tmp_path: Path) -> None:
    def attempt(**changes: Any) -> None:
        rehearse(PROJECT, "paper", written("paper"), parameters("paper", changes), FOLDERS.__getitem__, tmp_path)

    with pytest.raises(UserError, match=r"heads 32 is not a multiple of tp 3"):
        attempt(cluster={"layouts": {"cpt": {"tp": 3}}})
    with pytest.raises(UserError, match=r"held-out tokens, for one context: needs 16,384"):
        attempt(training={"heldout_tokens": 8192})
    assert not list(tmp_path.iterdir())
