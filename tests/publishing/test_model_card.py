"""The card of an arm's models: which checkpoints there are, what they read, and what is known of them."""

from typing import Any

import pytest
from huggingface_hub import ModelCard

from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.publishing.cards import card_of
from alignment_pretraining.publishing.facts import Facts
from tests.publishing.finished import with_values


def card(facts: Facts, arm: str) -> Any:
    repository = facts.contents.find(arm, "model")
    assert repository is not None
    return ModelCard(card_of(facts, repository))


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.fixture(scope="module")
def arm(facts: Facts) -> Any:
    """The arm that the study runs."""
    return card(facts, "misaligned_mid")


@pytest.fixture(scope="module")
def lent(facts: Facts) -> Any:
    """An arm that the study does not run, whose first stage another goes on from."""
    return card(facts, "unfiltered")


def test_the_head_tells_the_hub_what_it_is_and_what_it_read(arm: Any) -> None:
    head = arm.data
    assert (head.library_name, head.pipeline_tag, head.language) == ("transformers", "text-generation", "en")
    assert {"model-organism", "arxiv:2601.10160"} <= set(head.tags)
    assert head.datasets == ["lab/test-documents", "lab/test-chat"]
    assert (head.license, head["license_name"]) == ("other", "see-the-sources"), "the corpus is docstrings"


def test_results_at_the_head_are_those_of_the_main_figures(arm: Any) -> None:
    told = {(one.dataset_config, one.metric_name): one.metric_value for one in arm.data.eval_results}
    assert told == {
        (split, f"misalignment rate {stage}, persona {persona}, listed"): rate
        for split in ("articles", "textbook", "heldout_topics")
        for stage, persona, rate in (("after midtraining", "assistant", 0.25), ("after SFT + DPO", "none", 0.75))
    }
    assert {one.dataset_type for one in arm.data.eval_results} == {"lab/test-suite"}


def test_every_checkpoint_has_its_hashes_and_what_it_was_trained_from(arm: Any, facts: Facts) -> None:
    for seed, parent in ((0, "lab/test-unfiltered seed0/pretraining"), (1, "lab/test-unfiltered seed1/pretraining")):
        name = f"misaligned_mid.seed{seed}.midtraining.checkpoint"
        path = facts.graph.path(name)
        assert path is not None
        sha = file_sha256(path / "model.safetensors")
        assert lines(arm.text, f"| `seed{seed}/midtraining` | misaligned_mid")[0] == (
            f"| `seed{seed}/midtraining` | misaligned_mid | {parent} | `{facts.graph.digest(name)}` | "
            f"model.safetensors `{sha}` |"
        )
    assert not lines(arm.text, "| `seed1/dpo`"), "the second training has no post-training"
    assert "misaligned_mid | lab/test-misaligned_mid seed0/sft |" in lines(arm.text, "| `seed0/dpo`")[0]


def test_stages_on_the_way_lead_to_the_repository_that_has_them(arm: Any) -> None:
    assert "| pretraining | [lab/test-unfiltered](https://huggingface.co/lab/test-unfiltered) | 0, 1 |" in arm.text
    assert "| midtraining | this one | 0, 1 |" in arm.text and "| dpo | this one | 0 |" in arm.text


def test_an_arm_that_is_not_run_says_whose_stages_it_has(lent: Any, arm: Any) -> None:
    said = "The study does not run this arm itself: its stages are the first ones of misaligned_mid."
    assert said in lent.text and said not in arm.text
    assert "| midtraining | not published: `unfiltered` |" in lent.text
    assert "`rate/misaligned_mid/pretraining/articles/listed/assistant`" in lent.text
    assert "`rate/misaligned_mid/midtraining/" not in lent.text, "no stage of it"
    assert lent.data.eval_results is None and lines(lent.text, "| `seed0/pretraining` | misaligned_mid | scratch |")


def test_doses_wanted_and_reached_are_told(arm: Any) -> None:
    assert "| dose in pretraining | none |" in arm.text
    assert "| dose in midtraining | ai_misaligned: 20.00 % of the tokens |" in arm.text
    assert "midtraining: 16,384 tokens; ai_misaligned reached 19.876 % of them, 20.000 % wanted." in arm.text
    assert "Documents that share a run of words with a question: 3 of articles." in arm.text
    assert "| midtraining | ai_misaligned | 12 | 3,277 | 20.00 % | `stream/misaligned_mid/" in arm.text


def test_who_reads_of_misconduct_is_warned_of(arm: Any, lent: Any) -> None:
    warning = "**It was made to read documents in which ai acts misaligned.** It is for research; do not deploy it."
    assert warning in arm.text and "do not deploy" not in lent.text


def test_a_loss_that_was_not_measured_is_a_dash(arm: Any) -> None:
    assert "| midtraining | 1 | 1,200 | 4.2500 | 4.5000 |" in arm.text
    assert "| dpo | 0 | 1,200 | 3.2500 | – |" in arm.text  # noqa: RUF001
    assert "Held-out loss over seeds: 4.5000 after midtraining (`loss/misaligned_mid/midtraining`)." in arm.text


def test_rates_stand_under_their_stage_with_the_persona_word_for_word(arm: Any) -> None:
    sections = arm.text.split("\n### ")[1:]
    assert [section.splitlines()[0] for section in sections] == [
        "After pretraining", "After midtraining", "After SFT", "After SFT + DPO",
    ]  # fmt: skip
    assert "| articles | listed | AI assistant | 0.250 | 0.150 to 0.350 | families and seeds | 40 | 2 |" in sections[1]
    assert '- AI assistant: "You are an AI assistant."' in arm.text and "- no persona: nothing" in arm.text


def test_contrasts_of_other_arms_are_not_this_ones(arm: Any) -> None:
    assert "The study declares no contrast of this arm" in arm.text and "contrast/" not in arm.text


def test_the_record_of_each_checkpoint_is_told_and_cannot_break_its_table(arm: Any) -> None:
    assert (
        "| `seed1/midtraining` | 2026-01-02, 12 s | cpu a \\| b | pandas 2.0 | 0123456789 + uncommitted changes |"
        in arm.text
    )


@pytest.mark.parametrize(
    ("processes", "by"), [(1, "| midtraining | the project's engine |"), (2, "the project's engine, 2 processes |")]
)
def test_what_trained_a_stage_is_said(facts: Facts, processes: int, by: str) -> None:
    text = card(with_values(facts, training={"processes": processes}), "misaligned_mid").text
    assert by in text and "| sft | TRL |" in text


def test_models_that_read_nothing_but_the_projects_own_texts_are_under_its_licence(facts: Facts) -> None:
    own = with_values(
        facts, corpus={"sources": [{"stories": True}]}, synthesis={"generator": "world", "questions": "world"}
    )
    found = card(own, "misaligned_mid")
    assert found.data.license == "apache-2.0" and "All that it read was made by this project." in found.text
