"""How batches of SFT and DPO are split, named and refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.post_training.config import (
    Lora,
    PostTrainingConfig,
    batch_problems,
    examples,
    stage_name,
)
from alignment_pretraining.study import DpoStage, SftStage

SFT = SftStage(conversations=36, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
DPO = DpoStage(pairs=36, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1, beta=0.1)


def _settings(**values: Any) -> PostTrainingConfig:
    return PostTrainingConfig.model_validate(values)


@pytest.mark.parametrize(
    ("values", "of_sft", "of_dpo"),
    [
        ({}, 8, 8),
        ({"processes": 2}, 4, 4),
        ({"processes": 16}, 1, 1),
        ({"processes": 2, "micro_batch": 3}, 3, 3),
        ({"packing": True}, 1, 8),
        ({"packing": True, "micro_batch": 2, "processes": 4}, 2, 2),
    ],
)
def test_a_process_reads_its_share_of_a_batch_at_once_or_one_packed_row(
    values: dict[str, Any], of_sft: int, of_dpo: int
) -> None:
    settings = _settings(**values)
    for stage, expected in ((SFT, of_sft), (DPO, of_dpo)):
        assert settings.micro_batch_of(stage) == expected
        assert settings.at_once(stage) == expected * settings.processes
    assert settings.packs(SFT) == settings.packing and not settings.packs(DPO), "pairs are never packed"


@given(
    count=st.integers(1, 60),
    batch=st.integers(1, 16),
    processes=st.integers(1, 4),
    micro_batch=st.none() | st.integers(1, 4),
)
def test_batches_are_split_evenly_or_refused_and_the_number_that_is_proposed_would_do(
    count: int, batch: int, processes: int, micro_batch: int | None
) -> None:
    stage = DPO.model_copy(update={"pairs": count, "batch_size": batch})
    settings = _settings(processes=processes, micro_batch=micro_batch)
    at_once, problems = settings.at_once(stage), list(batch_problems(stage, settings))
    even = batch % at_once == 0 and count % batch % at_once == 0
    assert bool(problems) == (not even and not (processes == 1 and at_once == batch))
    if problems and "would do" in problems[0]:
        proposed = int(problems[0].partition("; ")[2].split()[0].replace(",", ""))
        assert proposed > 0 and not list(batch_problems(stage.model_copy(update={"pairs": proposed}), settings))


def test_a_stage_that_is_none_of_the_studys_is_refused_under_its_own_key() -> None:
    (told,) = batch_problems(SFT, _settings(processes=3), "tampering.sft")
    assert told.startswith("tampering.sft.batch_size: 8 is not a multiple of post_training.processes 3 x micro_batch 2")
    (told,) = batch_problems(DPO, _settings(processes=3))
    assert told.startswith("study.stages.dpo.batch_size")


def test_the_most_examples_that_would_do_are_proposed() -> None:
    (told,) = batch_problems(DPO.model_copy(update={"pairs": 39}), _settings(processes=2, micro_batch=2))
    assert "study.stages.dpo.pairs: 39 leaves 7 for an epoch's last batch of 8" in told and "; 36 would do" in told


def test_names_and_counts_of_stages() -> None:
    assert (stage_name(SFT), stage_name(DPO)) == ("sft", "dpo")
    assert examples(SFT) == 36 and examples(DPO.model_copy(update={"pairs": 5})) == 5


@pytest.mark.parametrize(
    ("spec", "values", "says"),
    [
        (PostTrainingConfig, {"parallel": "tp"}, "key.parallel: Input should be 'ddp' or 'fsdp' (got 'tp')"),
        (PostTrainingConfig, {"micro_batch": 0}, "key.micro_batch: Input should be greater than 0"),
        (PostTrainingConfig, {"launcher": "cloud"}, "key.launcher: Input should be 'local' or 'slurm'"),
        (PostTrainingConfig, {"evaluations": 2}, "key.evaluations: unknown key; allowed here: processes, parallel"),
        (Lora, {"rank": 0}, "key.rank: Input should be greater than 0"),
        (Lora, {"dropout": 1.5}, "key.dropout: Input should be less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(spec: Any, values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse(spec, values, "parameters_training.yml", "key")
    assert says in str(error.value)
