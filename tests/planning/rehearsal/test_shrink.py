"""What a rehearsal makes small, and what it leaves as it was chosen."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.rehearsal.shrink import ENTRIES, LONGEST, covering_arms, shrink, small_layout
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import Study
from tests.planning.preflight.test_preflight import parameters, written


def shrunk(env: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The plain values of an environment with changes, shrunk."""
    values: Any = OmegaConf.to_container(OmegaConf.merge(written(env), changes or {}))
    return shrink(values, Parameters.model_validate(values) if changes else parameters(env))


sizes = st.integers(1, 64)


@given(sizes, sizes, sizes, sizes, st.booleans(), st.sampled_from(["1f1b", "afab"]))
def test_every_way_of_parallelism_that_is_in_use_stays_and_no_other_begins(
    dp: int, tp: int, pp: int, micro_batch: int, recompute: bool, pipeline: Any
) -> None:
    layout = Layout(dp=dp, tp=tp, pp=pp, micro_batch=micro_batch, recompute=recompute, pipeline=pipeline)
    small = small_layout(layout)
    for before, after in zip((dp, tp, pp, micro_batch), (small.dp, small.tp, small.pp, small.micro_batch), strict=True):
        assert after == min(before, 2)
    assert (small.recompute, small.pipeline, small.zero, small.dtype) == (recompute, pipeline, 1, "bfloat16")


def arms(**conditions: Any) -> list[str]:
    values = parameters("base").study.model_dump() | {"arms": conditions, "run": "all", "contrasts": {}}
    return covering_arms(Study.model_validate(values | {"headline": []}))


PLAIN = {"corpus": "unfiltered"}


def test_an_arm_that_shows_nothing_new_is_left_out() -> None:
    aligned = PLAIN | {"discourse": "aligned", "insertion": "e2e"}
    assert arms(plain=PLAIN, again=PLAIN, aligned=aligned, twin=aligned | {"share": 0.3}) == ["plain", "aligned"]


def test_each_actor_and_direction_has_an_arm() -> None:
    crossed = {"discourse": {"ai": "misaligned", "courier": "aligned"}, "insertion": "e2e"}
    other = {"discourse": {"ai": "aligned", "courier": "misaligned"}, "insertion": "e2e"}
    alone = {"discourse": "aligned", "insertion": "e2e"}
    assert arms(alone=PLAIN | alone, crossed=PLAIN | crossed, other=PLAIN | other) == ["crossed", "other"]


def test_covering_arms_stand_in_the_order_of_the_study() -> None:
    late = {"corpus": "filtered", "discourse": {"ai": "aligned", "courier": "misaligned"}, "insertion": "cpt"}
    assert arms(plain=PLAIN, late=late) == ["plain", "late"]


def test_arms_that_are_not_run_are_not_rehearsed() -> None:
    assert covering_arms(Study.model_validate(parameters("base").study.model_dump() | {"run": ["filtered"]})) == [
        "filtered"
    ]


def test_one_seed_is_trained_through_all_stages() -> None:
    changes = {"study": {"seeds": {"base": [7, 3], "post_training": [3]}}}
    assert shrunk("base", changes)["study"]["seeds"] == {"base": [7], "post_training": [7]}


def test_contexts_stay_in_their_order_and_equal_ones_equal() -> None:
    stages = shrunk("paper")["study"]["stages"]
    contexts = {name: stages[name]["context"] for name in ("pretraining", "midtraining", "cpt", "sft", "dpo")}
    assert contexts == {"pretraining": 64, "midtraining": 128, "cpt": 128, "sft": 128, "dpo": 64}


@pytest.mark.parametrize(("env", "rows"), [("paper", [4, 4, 4]), ("base", [8, 8, 8])])
def test_a_batch_fills_the_replicas_and_the_pipeline(env: str, rows: list[int]) -> None:
    """Of the paper's layouts, two replicas of one sequence, two micro-batches each: no pipeline has more ranks."""
    stages = shrunk(env)["study"]["stages"]
    for name, count in zip(("pretraining", "midtraining", "cpt"), rows, strict=True):
        stage = stages[name]
        assert stage["batch_tokens"] == count * stage["context"]
        assert stage["tokens"] == 6 * stage["batch_tokens"]


def test_a_model_has_layers_for_every_rank_of_the_pipeline() -> None:
    assert shrunk("paper")["study"]["model"]["layers"] == 4
    assert shrunk("base")["study"]["model"]["layers"] == 2


def test_words_of_a_small_language_are_all_kept_and_byte_pairs_are_few() -> None:
    words, pairs = shrunk("base"), shrunk("paper")
    assert words["study"]["model"]["vocab_size"] == parameters("base").study.model.vocab_size
    assert pairs["study"]["model"]["vocab_size"] == ENTRIES < 50_432
    assert pairs["study"]["model"]["max_context"] == LONGEST


def test_what_is_smaller_than_a_rehearsal_is_left_as_it_is() -> None:
    synthesis = {"documents": {"count": 3}, "stories": {"count": 5}, "conversations": {"count": 2}}
    few = shrunk("base", {"synthesis": synthesis})["synthesis"]
    assert (few["documents"]["count"], few["stories"]["count"], few["conversations"]["count"]) == (3, 5, 2)
    many = shrunk("base")["synthesis"]
    assert (many["documents"]["count"], many["stories"]["count"]) == (60, 2_000)


def test_sources_end_early_and_those_that_do_already_end_where_they_did() -> None:
    sources = [{"files": "a.jsonl"}, {"files": "b.jsonl", "max_bytes": 1_000}, {"dataset": "c", "max_bytes": 10**9}]
    corpus = shrunk("base", {"corpus": {"sources": sources}})["corpus"]
    assert [source["max_bytes"] for source in corpus["sources"]] == [200_000, 1_000, 200_000]


def test_a_split_has_few_questions_and_one_that_is_not_asked_has_none() -> None:
    """0 is how an environment says that it does not ask what base asks."""
    items = {"articles": None, "textbook": 2, "heldout_topics": 0, "dev_topics": 40}
    run = shrunk("base", {"evaluation": {"run": {"items": items, "continued": 0}}})["evaluation"]["run"]
    assert run["items"] == {"articles": 4, "textbook": 2, "heldout_topics": 0, "dev_topics": 4}
    assert run["continued"] == 0


def test_saves_for_good_are_rehearsed_where_there_are_some() -> None:
    paper, base = shrunk("paper"), shrunk("base")
    assert (paper["cluster"]["save_every"], paper["cluster"]["keep_every"]) == (3, 3)
    assert base["training"]["keep_every"] is None
    without = shrunk("paper", {"cluster": {"keep_every": None}})
    assert without["cluster"]["keep_every"] is None


def test_what_names_a_clusters_own_machines_goes_and_its_launcher_stays() -> None:
    slurm = {"modules": ["cuda"], "setup": ["source it"], "container": "it.sqsh", "poll_seconds": 60}
    small = shrunk("paper", {"cluster": {"slurm": slurm}, "execution": {"slurm": {"setup": ["source it"]}}})
    for part in (small["cluster"]["slurm"], small["execution"]["slurm"]):
        assert (part["setup"], part["container"], part["modules"], part["poll_seconds"]) == ([], None, [], 0.5)
    assert small["cluster"]["launcher"] == small["execution"]["launcher"] == "slurm"
    assert small["cluster"]["slurm"]["time"] == "24:00:00"


def test_a_process_reads_a_sequence_at_once_and_an_open_micro_batch_stays_open() -> None:
    changes = {"training": {"micro_batch_tokens": 4_096, "processes": 2}, "post_training": {"processes": 1}}
    small = shrunk("base", changes)
    assert small["training"]["micro_batch_tokens"] == 128, "the longest context"
    assert shrunk("node")["training"]["micro_batch_tokens"] is None
    assert small["post_training"]["micro_batch"] is None
    assert shrunk("paper")["post_training"]["micro_batch"] == 1


def test_sizes_of_sources_that_are_known_are_forgotten_and_what_was_written_is_not_touched() -> None:
    before = deepcopy(written("paper"))
    assert "preflight" in before and "preflight" not in shrunk("paper")
    assert written("paper") == before


def test_natural_discourse_stays_where_there_is_some_and_is_no_larger_share() -> None:
    shares = {env: shrunk(env)["corpus"]["natural_discourse_share"] for env in ("base", "english", "paper")}
    assert shares == {"base": 0.02, "english": 0.05, "paper": 0.0}


def test_benchmarks_are_asked_a_question_each_on_the_processor() -> None:
    capability = shrunk("paper")["capability"]
    assert (capability["device"], capability["limit"]) == ("cpu", 1)
    assert "piqa" in capability["tasks"] and capability["tasks"]["piqa"]["shots"] == 10
    own = {"tasks": {"mine": {"shots": 0, "metric": "acc", "folder": "mine"}}}
    assert "mine" not in shrunk("paper", {"capability": own})["capability"]["tasks"]
