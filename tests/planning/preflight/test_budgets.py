"""Every budget of a study against what its sources hold."""

from typing import Any

import pytest

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.planning.preflight.budgets import budgets, trained_stages
from alignment_pretraining.planning.preflight.supply import Supply
from alignment_pretraining.study import Study
from tests.planning.preflight.test_preflight import parameters


class Known(Supply):
    """A supply in which there is as much of everything as the test says."""

    def documents(self, source: str) -> Amount:
        """As many tokens of everybody's documents, but for the courier's."""
        return Amount(500 if source.startswith("courier") else 1_000, "told")

    def mcqa(self) -> Amount:
        """As many tokens of questions."""
        return Amount(200, "told")

    def rows(self, table: str) -> Amount:
        """As many rows."""
        return Amount(50, f"told of {table}")

    def pool(self, name: str | None) -> Amount:
        """As many tokens of a pool, of which a part that nobody trains on was taken before."""
        return Amount({None: 9_700, "web": 6_000}.get(name, 3_000), f"told of {name}")


def budget(spec: Parameters, study: dict[str, Any], **update: Any) -> dict[str, Need]:
    """What a study needs, by what it is; `study` changes that of `spec`."""
    changed = Study.model_validate(_merge(spec.study.model_dump(), study))
    spec = spec.model_copy(update={"study": changed, **update})
    return {need.what: need for need in budgets(spec, Known(spec, lambda name: name))}


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merge(old[key], new[key]) for key in new if isinstance(new[key], dict) and old.get(key)}
    return old | new | both


@pytest.fixture(scope="module")
def spec() -> Parameters:
    return parameters("base")


def test_a_stage_needs_one_token_more_than_it_trains_on(spec: Parameters) -> None:
    found = budget(spec, {"stages": {"midtraining": {"tokens": 10_240, "mcqa_share": 0.5, "synthetic_share": 0.01}}})
    assert found["midtraining: corpus"].needs == 10_241
    assert found["midtraining: multiple choice"].needs == pytest.approx(0.5 * 10_241)


def test_a_stage_without_multiple_choice_needs_none_of_it(spec: Parameters) -> None:
    assert "pretraining: multiple choice" not in budget(spec, {})


def test_pools_share_a_stage_in_any_unit(spec: Parameters) -> None:
    found = budget(spec, {"stages": {"midtraining": {"tokens": 10_240, "pools": {"web": 3, "books": 1}}}})
    assert found["midtraining: corpus, pool web"].needs == pytest.approx(0.75 * 10_241)
    assert found["midtraining: corpus, pool books"].needs == pytest.approx(0.25 * 10_241)
    assert "midtraining: corpus" not in found
    assert found["midtraining: corpus, pool web"].has.how == "told of web"


def test_several_epochs_give_a_source_as_many_times(spec: Parameters) -> None:
    often = spec.corpus.model_copy(update={"repeat": 4})
    once, more = budget(spec, {}), budget(spec, {}, corpus=often)
    assert once["pretraining: corpus"].has == Amount(9_700, "told of None")
    assert more["pretraining: corpus"].has == Amount(4 * 9_700, "told of None, each read at most 4 times")


def test_the_largest_dose_of_a_selected_arm_is_what_is_needed_of_its_documents(spec: Parameters) -> None:
    arms = {
        "strong": {"corpus": "unfiltered", "discourse": {"ai": "aligned"}, "insertion": "e2e", "share": 0.3},
        "weak": {"corpus": "unfiltered", "discourse": {"ai": "aligned"}, "insertion": "e2e", "share": 0.1},
        "unselected": {"corpus": "unfiltered", "discourse": {"ai": "aligned"}, "insertion": "e2e", "share": 0.5},
    }
    found = budget(spec, {"arms": arms, "run": ["weak", "strong"]})
    tokens = spec.study.stages.pretraining.tokens + 1
    assert found["pretraining: documents of ai_aligned"].needs == pytest.approx(0.3 * tokens)
    assert not any("misaligned" in what for what in found)


def test_documents_of_which_as_much_is_needed_and_there_share_a_line(spec: Parameters) -> None:
    found = budget(spec, {"run": ["crossed_misaligned", "crossed_aligned"]})
    assert "pretraining: documents of each of ai_aligned, ai_misaligned" in found
    assert "pretraining: documents of each of courier_aligned, courier_misaligned" in found


def test_stages_that_no_selected_arm_goes_through_need_nothing(spec: Parameters) -> None:
    without = budget(spec, {"run": ["unfiltered"]})
    assert trained_stages(spec.study) == ["pretraining", "midtraining"]
    assert not any(what.startswith("cpt") or "documents" in what for what in without)
    study = Study.model_validate(_merge(spec.study.model_dump(), {"run": ["aligned_cpt"]}))
    assert trained_stages(study) == ["pretraining", "midtraining", "cpt"]
    assert "cpt: documents of ai_aligned" in budget(spec, {"run": ["aligned_cpt"]})


def test_an_arm_that_inserts_late_needs_documents_then_alone(spec: Parameters) -> None:
    found = budget(spec, {"run": ["aligned_mid"]})
    assert [what for what in found if "documents" in what] == ["midtraining: documents of ai_aligned"]


def test_held_out_text_must_fill_the_longest_context(spec: Parameters) -> None:
    corpus = spec.corpus.model_copy(update={"heldout_share": 0.03})
    found = budget(spec, {"stages": {"midtraining": {"context": 64}}}, corpus=corpus)
    read, held = found["held-out tokens, for one context"], found["held-out text, for one context"]
    assert (read.needs, read.has) == (128, Amount(8_192, "training.heldout_tokens"))
    assert held.needs == 129
    assert held.has.count == pytest.approx(300), "3 % of all documents, of which 9,700 tokens are left"


def test_chat_data_are_needed_by_post_training_alone(spec: Parameters) -> None:
    found = budget(spec, {"stages": {"sft": {"conversations": 40}, "dpo": {"pairs": 60}}})
    assert (found["sft: conversations"].verdict, found["dpo: preferences"].verdict) == ("enough", "short")
    assert found["dpo: preferences"].setting == "lower study.stages.dpo.pairs, or raise synthesis.preferences.count"
    assert found["sft: conversations"].setting.startswith("lower study.stages.sft.conversations, or ")
    without = budget(spec, {"seeds": {"post_training": []}})
    assert not any(need.pipeline == "post_training" for need in without.values())


@pytest.mark.parametrize(
    ("generator", "setting"), [("world", "synthesis.documents.count"), ("anthropic", "anthropic.documents.samples")]
)
def test_more_documents_are_had_by_the_setting_of_who_writes_them(
    spec: Parameters, generator: str, setting: str
) -> None:
    synthesis = spec.synthesis.model_copy(update={"generator": generator})
    found = budget(spec, {"run": ["aligned_mid"]}, synthesis=synthesis)
    assert f"raise {setting}," in found["midtraining: documents of ai_aligned"].setting
