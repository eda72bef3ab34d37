"""How a batch is shared out, and settings that cannot be are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.pretraining.local.config import EngineConfig, batch_problems, rows_of
from tests.pretraining.local.conftest import STAGE


@pytest.mark.parametrize(
    ("micro_batch_tokens", "context", "rows"),
    [(2_048, 64, 32), (2_048, 2_048, 1), (2_047, 2_048, 1), (4_095, 2_048, 1), (4_096, 2_048, 2), (1, 64, 1)],
)
def test_as_many_whole_sequences_are_read_at_once_as_fit_and_at_least_one(
    micro_batch_tokens: int, context: int, rows: int
) -> None:
    assert EngineConfig(micro_batch_tokens=micro_batch_tokens).rows_at_once(context) == rows


@given(processes=st.integers(1, 40), rows=st.integers(1, 40))
def test_a_batch_is_shared_evenly_or_the_problem_has_its_numbers(processes: int, rows: int) -> None:
    stage = STAGE.model_copy(update={"batch_tokens": rows * STAGE.context})
    settings = EngineConfig(processes=processes)
    problems = list(batch_problems("cpt", stage, settings))
    if problems:
        (told,) = problems
        assert told.startswith(f"study.stages.cpt.batch_tokens: {stage.batch_tokens:,} are {rows} sequences of 64,")
        assert f"training.processes {processes};" in told
    else:
        assert rows_of(stage, settings) * processes == rows


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"processes": 0}, "training.processes: Input should be greater than 0 (got 0)"),
        ({"precision": "fp16"}, "training.precision: Input should be 'auto', 'bf16' or 'fp32' (got 'fp16')"),
        ({"skip_nonfinite": -1}, "training.skip_nonfinite: Input should be greater than or equal to 0"),
        ({"micro_batch_tokens": 0}, "training.micro_batch_tokens: Input should be greater than 0"),
        ({"evaluations": 0}, "training.evaluations: Input should be greater than 0"),
        ({"save_evry": 5}, "training.save_evry: unknown key; allowed here: processes, threads, precision"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse(EngineConfig, values, "parameters_training.yml", "training")
    assert says in str(error.value)
