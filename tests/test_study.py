"""The study: what is trained, what is shared, and what a wrong file says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.study import BASE_STAGES, Arm, StageRun, Study


def _all_arms(config: dict[str, Any]) -> Study:
    return Study.model_validate(config | {"run": "all"})


def test_default_runs_the_headline_arms(study_config: dict[str, Any]) -> None:
    study = Study.model_validate(study_config)
    crossed = ["crossed_misaligned", "crossed_aligned"]
    assert study.selected_arms() == ["unfiltered", "filtered", "misaligned_e2e", "aligned_e2e", *crossed]
    assert len(study.seeds.base) >= 2


def test_arms_share_every_equal_stage(study_config: dict[str, Any]) -> None:
    """The paper's eleven arms: 5 pretraining runs, 8 of midtraining, 3 of cpt; the crossed pair adds 2, 2 and 0."""
    study = _all_arms(study_config)
    by_stage = {
        stage: [stage_run.arm for stage_run in study.base_stage_runs() if stage_run.stage == stage]
        for stage in BASE_STAGES
    }
    assert len(study.arms) == 11 + 2
    assert {stage: len(arms) for stage, arms in by_stage.items()} == {"pretraining": 7, "midtraining": 10, "cpt": 3}
    assert study.chain("misaligned_mid")[0] == study.chain("unfiltered")[0]
    assert study.chain("filtered_aligned_cpt")[1] == study.chain("filtered")[1]
    assert study.chain("misaligned_mid")[1].arm == "misaligned_mid"


def test_links_come_after_their_parents(study_config: dict[str, Any]) -> None:
    seen: set[tuple[str, str]] = set()
    for stage_run in _all_arms(study_config).stage_runs():
        assert stage_run.parent is None or (stage_run.parent.arm, stage_run.parent.stage) in seen
        seen.add((stage_run.arm, stage_run.stage))


def test_names_do_not_depend_on_which_arms_run(study_config: dict[str, Any]) -> None:
    everything = _all_arms(study_config)
    for arm in everything.arms:
        alone = Study.model_validate(study_config | {"run": [arm]})
        assert alone.chain(arm) == everything.chain(arm)
        assert set(alone.stage_runs()) <= set(everything.stage_runs())


def test_a_dose_of_zero_is_the_baseline(study_config: dict[str, Any]) -> None:
    arms = study_config["arms"] | {
        "placebo": {"corpus": "unfiltered", "discourse": "aligned", "insertion": "e2e", "share": 0.0}
    }
    study = Study.model_validate(study_config | {"arms": arms, "run": ["placebo"]})
    assert study.chain("placebo") == study.chain("unfiltered")


@given(share=st.floats(0.01, 0.9))
def test_a_new_dose_trains_a_new_arm(share: float) -> None:
    base = Arm(corpus="unfiltered", discourse={"ai": "aligned"}, insertion="mid")
    study = _small(
        {"unfiltered": Arm(corpus="unfiltered"), "mid": base, "dose": base.model_copy(update={"share": share})}
    )
    same = share == study.stages.midtraining.synthetic_share
    assert study.chain("dose")[1].arm == ("mid" if same else "dose")
    assert study.chain("dose")[0].arm == "unfiltered"
    assert study.mix("dose", "midtraining").share == share
    assert study.mix("dose", "pretraining").discourse == {}


def _small(arms: dict[str, Arm]) -> Study:
    training = {
        "tokens": 512,
        "context": 64,
        "batch_tokens": 128,
        "max_lr": 1e-3,
        "min_lr": 0.0,
        "warmup": 0.1,
        "synthetic_share": 0.25,
    }
    sft = {"conversations": 4, "epochs": 1, "context": 64, "batch_size": 2, "max_lr": 1e-3, "warmup": 0.1}
    dpo = {"pairs": 4, "epochs": 1, "context": 64, "batch_size": 2, "max_lr": 1e-3, "warmup": 0.1, "beta": 0.1}
    return Study.model_validate(
        {
            "name": "small",
            "run": "all",
            "headline": [],
            "arms": {name: arm.model_dump() for name, arm in arms.items()},
            "seeds": {"base": [0], "post_training": []},
            "model": {
                "vocab_size": 300,
                "hidden_size": 16,
                "intermediate_size": 32,
                "layers": 1,
                "heads": 2,
                "max_context": 64,
            },
            "stages": {stage: training for stage in BASE_STAGES} | {"sft": sft, "dpo": dpo},
        }
    )


def test_no_post_training_without_seeds_for_it() -> None:
    study = _small({"unfiltered": Arm(corpus="unfiltered")})
    assert {stage_run.stage for stage_run in study.stage_runs()} == {"pretraining", "midtraining"}


def test_dataset_names_say_arm_seed_stage() -> None:
    assert StageRun(arm="filtered", stage="dpo").dataset(3, "scores") == "filtered.seed3.dpo.scores"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("arms", "odd"), {"corpus": "clean"}, ["study.arms.odd.corpus", "'unfiltered' or 'filtered'", "'clean'"]),
        (("arms", "odd"), {"corpus": "filtered", "dose": 1}, ["study.arms.odd.dose", "share"]),
        (("arms", "odd"), {"corpus": "filtered", "discourse": "aligned"}, ["study.arms.odd", "insertion"]),
        (("arms", "odd"), {"corpus": "filtered", "insertion": "late"}, ["study.arms.odd.insertion", "'e2e'", "'late'"]),
        (("run",), ["nobody"], ["run: unknown arm nobody", "filtered_aligned_cpt"]),
        (("stages", "warmup"), {}, ["study.stages.warmup", "pretraining", "midtraining", "cpt"]),
        (("stages", "sft", "steps"), 3, ["study.stages.sft.steps", "conversations"]),
        (("stages", "midtraining", "context"), 256, ["stages.midtraining.context", "256", "max_context 128"]),
        (("stages", "pretraining", "tokens"), 1000, ["study.stages.pretraining", "1000", "1024"]),
        (("seeds", "post_training"), [9], ["study.seeds", "[9]"]),
        (("arms", "crossed_aligned", "share"), 0.5, ["arms.crossed_aligned: in midtraining", "1.02 of the tokens"]),
        (("model", "heads"), 5, ["study.model", "96", "5"]),
    ],
)
def test_a_wrong_study_names_key_file_and_allowed_values(
    study_config: dict[str, Any], path: tuple[str, ...], value: Any, says: list[str]
) -> None:
    place = study_config
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(UserError) as error:
        parse(Study, study_config, "conf/base/study.yml", "study")
    for words in ["conf/base/study.yml", *says]:
        assert words in str(error.value)


def test_an_arm_leads_to_the_link_that_owns_its_stage(study_config: dict[str, Any]) -> None:
    study = _all_arms(study_config)
    assert study.stage_run("misaligned_mid", "pretraining").arm == "unfiltered"
    assert study.stage_run("aligned_cpt", "cpt").arm == "aligned_cpt"
    with pytest.raises(UserError, match="unfiltered has no stage cpt; it has pretraining, midtraining"):
        study.stage_run("unfiltered", "cpt")
    with pytest.raises(UserError, match="there is no arm x"):
        study.stage_run("x", "cpt")


@pytest.mark.parametrize(("name", "why"), [("suite", "this project's own"), ("NA", "read as a missing value")])
def test_names_that_would_be_taken_for_something_else_are_refused(
    name: str, why: str, study_config: dict[str, Any]
) -> None:
    arms = study_config["arms"] | {name: {"corpus": "unfiltered"}}
    with pytest.raises(UserError, match=rf"study\.yml.*\n.*arms\.{name}: {name} is .*{why}"):
        parse(Study, study_config | {"arms": arms}, "study.yml")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_a_library_would_refuse_are_refused(seed: int, study_config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"seeds\.base\.1: .*less than|greater than"):
        parse(Study, study_config | {"seeds": {"base": [0, seed], "post_training": []}}, "study.yml")


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({"hub": "a/b"}, "a hub name needs its revision"),
        ({"folder": "a", "revision": "main"}, "a folder has no revision"),
        ({"hub": "a/b", "folder": "a", "revision": "main"}, "say where it is"),
        ({}, "say where it is"),
    ],
)
def test_a_checkpoint_is_a_folder_or_a_name_with_its_revision(
    study_config: dict[str, Any], checkpoint: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        parse(Study, study_config | {"checkpoints": {"mine": checkpoint}}, "study.yml")


def test_a_study_may_have_checkpoints_alone(study_config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no arm is selected, and there are no checkpoints"):
        parse(Study, study_config | {"run": []}, "study.yml")
    study = parse(Study, study_config | {"run": [], "checkpoints": {"mine": {"folder": "a"}}}, "study.yml")
    assert study.stage_runs() == []
    for name, message in (
        ("unfiltered", "an arm has this name"),
        ("suite", "a name of this project"),
        ("a-b", "letters"),
    ):
        with pytest.raises(UserError, match=message):
            parse(Study, study_config | {"checkpoints": {name: {"folder": "a"}}}, "study.yml")
