"""Where work runs, and what a cluster is asked for: what is taken, and what is refused with the way out."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.execution.config import Execution, Slurm, limit_seconds

COUNTS = st.integers(0, 99)


@given(days=COUNTS, hours=COUNTS, minutes=COUNTS, seconds=COUNTS)
def test_every_form_of_a_limit_counts_the_same_seconds(days: int, hours: int, minutes: int, seconds: int) -> None:
    clock = hours * 3_600 + minutes * 60 + seconds
    forms = {
        f"{days}-{hours}:{minutes}:{seconds}": days * 86_400 + clock,
        f"{days}-{hours:02}:{minutes:02}": days * 86_400 + clock - seconds,
        f"{days}-{hours}": days * 86_400 + hours * 3_600,
        f"{hours}:{minutes:02}:{seconds:02}": clock,
        f"{minutes}:{seconds}": minutes * 60 + seconds,
        f"{minutes}": minutes * 60,
    }
    for text, expected in forms.items():
        assert limit_seconds(text) == (expected or math.inf), text


@given(st.text(alphabet="0123456789:-dh \n", max_size=9))
def test_a_text_is_a_limit_or_refused_by_its_name(text: str) -> None:
    try:
        assert limit_seconds(text) > 0
        assert re.search(r"\d", text)
    except ValueError as error:
        assert repr(text) in str(error) and "24:00:00" in str(error)


@pytest.mark.parametrize("time", ["infinite", "Unlimited"])
def test_no_limit_may_be_written_in_any_case(time: str) -> None:
    assert limit_seconds(time) == math.inf


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"launcher": "slurm"}, "execution: launcher is slurm, and slurm is missing: it needs at least time"),
        ({"launcher": "slurm", "slurm": {}}, "execution.slurm.time: missing; add it"),
        ({"launcher": "cloud"}, "execution.launcher: Input should be 'in_process', 'local' or 'slurm' (got 'cloud')"),
        ({"slurm": {"time": "soon"}}, "execution.slurm.time: 'soon' is no time limit of Slurm"),
        (
            {"slurm": {"time": "1", "max_array_size": 0}},
            "execution.slurm.max_array_size: Input should be greater than 0",
        ),
        ({"slurm": {"time": "1", "poll_seconds": 0}}, "execution.slurm.poll_seconds: Input should be greater than 0"),
        ({"slurm": {"time": "1", "mem_per_cpu_gb": -1}}, "execution.slurm.mem_per_cpu_gb: Input should be greater"),
        ({"slurm": {"time": "1", "memory": 4}}, "execution.slurm.memory: unknown key; allowed here: time, partition"),
        ({"slurm": {"time": "1", "modules": "cuda"}}, "execution.slurm.modules: Input should be a valid list"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Execution, values, "parameters_mixing.yml", "execution")
    assert str(error.value).startswith("parameters_mixing.yml: 1 to correct:\n") and says in str(error.value)


def test_a_description_of_slurm_asks_for_nothing_where_work_runs_here() -> None:
    execution = Execution(slurm=Slurm(time="1:00:00"))
    assert execution.launcher == "local"
