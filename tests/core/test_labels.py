"""Names of checkpoints are read as they are written, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.labels import Label, arm_and_seed

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)


@given(NAMES, st.integers(0, 2**32), NAMES)
def test_a_label_is_read_as_it_is_written(arm: str, seed: int, stage: str) -> None:
    label = Label(arm, seed, stage)
    assert Label.parse(str(label)) == label
    assert arm_and_seed(label.namespace) == (arm, seed)


def test_datasets_stand_under_their_label() -> None:
    label = Label("aligned_e2e", 3, "cpt")
    assert str(label) == "aligned_e2e.seed3.cpt"
    assert label.namespace == "aligned_e2e.seed3"
    assert label.dataset("checkpoint") == "aligned_e2e.seed3.cpt.checkpoint"


@pytest.mark.parametrize(
    "text",
    ["", "aligned", "aligned.seed0", "aligned.seed.cpt", "aligned.0.cpt", "a.seed0.cpt.items", "a.seed-1.cpt",
     "a-b.seed0.cpt", " a.seed0.cpt", "a.seed0.cpt\n"],
)  # fmt: skip
def test_another_shape_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(UserError) as error:
        Label.parse(text)
    assert repr(text) in str(error.value) and "<arm>.seed<number>.<stage>" in str(error.value)


@pytest.mark.parametrize("namespace", ["", "synthesis", "a.seed0.cpt", "a.seedx", "seed0", "a.seed0 "])
def test_other_namespaces_have_no_arm(namespace: str) -> None:
    assert arm_and_seed(namespace) is None
