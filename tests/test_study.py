"""The study: what is trained, what is shared, and what a wrong file says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.study import BASE_STAGES, POST_STAGES, Arm, Checkpoint, Mix, StageRun, Study, mix_of


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


INSERTED = {"none": (), "e2e": ("pretraining", "midtraining"), "mid": ("midtraining",), "cpt": ("cpt",)}


@given(
    insertion=st.sampled_from(["e2e", "mid", "cpt"]),
    stage=st.sampled_from(BASE_STAGES),
    dose=st.none() | st.floats(0, 0.9),
    own=st.floats(0, 0.9),
)
def test_documents_are_inserted_where_and_as_much_as_an_arm_says(
    insertion: str, stage: str, dose: float | None, own: float
) -> None:
    values = {"corpus": "filtered", "discourse": {"ai": "aligned", "human": "misaligned"}, "insertion": insertion}
    mix = mix_of(Arm.model_validate(values | {"share": dose}), stage, own)
    share = own if dose is None else dose
    assert mix.corpus == "filtered", "whatever is inserted"
    if stage in INSERTED[insertion] and share:
        assert (mix.share, mix.sources) == (share, ("ai_aligned", "human_misaligned"))
        assert mix.twins == ("ai_misaligned", "human_aligned")
    else:
        assert (mix.share, mix.sources, mix.twins) == (0, (), ())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("none", {}),
        ("aligned", {"ai": "aligned"}),
        ("misaligned", {"ai": "misaligned"}),
        ({"human": "aligned"}, {"human": "aligned"}),
    ],
)
def test_a_direction_alone_is_about_the_ai(written: Any, meant: dict[str, str]) -> None:
    insertion = "mid" if meant else "none"
    assert Arm(corpus="filtered", discourse=written, insertion=insertion).discourse == meant  # type: ignore[arg-type]


def _with(study: Study, **changes: Any) -> dict[str, Any]:
    return study.model_dump() | changes


def test_arms_run_in_their_own_order_whatever_the_order_of_the_run() -> None:
    arms = {name: Arm(corpus="unfiltered", discourse={"ai": "aligned"}, insertion="mid") for name in ("a", "b", "c")}
    study = _small(arms)
    assert study.selected_arms() == ["a", "b", "c"]
    assert Study.model_validate(_with(study, run=["c", "a", "c"])).selected_arms() == ["a", "c"]
    assert Study.model_validate(_with(study, run="headline", headline=["b"])).selected_arms() == ["b"]
    with pytest.raises(ValueError, match="run: no arm is selected"):
        Study.model_validate(_with(study, run="headline", headline=[]))


def test_arms_that_read_the_same_are_trained_and_post_trained_once() -> None:
    same = Arm(corpus="filtered", discourse={"ai": "aligned"}, insertion="mid")
    study = _small({"first": same, "again": same, "unlike": same.model_copy(update={"corpus": "unfiltered"})})
    assert study.chain("again") == study.chain("first")
    assert study.post_chain("again") == study.post_chain("first")
    assert len(study.base_stage_runs()) == 4 and len(study.post_stage_runs()) == 4


def test_post_training_follows_the_last_base_stage_and_has_its_own_seeds() -> None:
    arm = Arm(corpus="unfiltered", discourse={"ai": "aligned"}, insertion="cpt")
    study = Study.model_validate(_with(_small({"late": arm}), seeds={"base": [0, 1, 5], "post_training": [5, 1]}))
    sft, dpo = study.post_chain("late")
    assert [stage_run.stage for stage_run in study.chain("late")] == list(BASE_STAGES)
    assert sft.parent == study.chain("late")[-1] and dpo.parent == sft
    for stage_run in study.stage_runs():
        assert study.seeds_of(stage_run) == ([5, 1] if stage_run.stage in POST_STAGES else [0, 1, 5])
    assert str(sft.label(5)) == "late.seed5.sft"


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ({"base": [], "post_training": []}, "seeds.base: List should have at least 1 item"),
        ({"base": [0, 0], "post_training": []}, "seeds must be distinct"),
        ({"base": [0, 1], "post_training": [1, 1]}, "seeds must be distinct"),
        ({"base": [0], "post_training": [7, 3, 0]}, "post_training seeds [3, 7] have no base model; base has [0]"),
    ],
)
def test_seeds_that_make_no_models_are_refused(study_config: dict[str, Any], seeds: Any, told: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Study, study_config | {"seeds": seeds}, "study.yml")
    assert told in str(error.value)


def _stage(**changes: Any) -> dict[str, Any]:
    stage = _small({"a": Arm(corpus="unfiltered")}).stages.pretraining.model_dump()
    return {"pretraining": stage | changes}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch_tokens": 100}, "batch_tokens 100 is not a multiple of context 64"),
        ({"tokens": 500}, "tokens 500 is not a multiple of batch_tokens 128"),
        ({"synthetic_share": 1.0}, "synthetic_share: Input should be less than 1"),
        ({"synthetic_share": -0.1}, "synthetic_share: Input should be greater than or equal to 0"),
        ({"warmup": 1.1}, "warmup: Input should be less than or equal to 1"),
        ({"pools": {"web": 0}}, "pools.web: Input should be greater than 0"),
        ({"schedule": "step"}, "schedule: Input should be 'cosine', 'linear' or 'constant' (got 'step')"),
        ({"tokens": 0}, "tokens: Input should be greater than 0"),
    ],
)
def test_a_stage_that_cannot_be_trained_is_refused_by_its_key(changes: dict[str, Any], told: str) -> None:
    small = _small({"a": Arm(corpus="unfiltered")})
    values = _with(small, stages=small.stages.model_dump() | _stage(**changes))
    with pytest.raises(UserError) as error:
        parse(Study, values, "study.yml", "study")
    assert told in str(error.value) and "study.stages.pretraining" in str(error.value)


def test_a_stage_has_a_step_for_each_whole_batch() -> None:
    study = _small({"a": Arm(corpus="unfiltered")})
    assert study.stages.pretraining.steps == 4


@pytest.mark.parametrize(("side", "arm"), [("left", "nobody"), ("right", "also nobody")])
def test_a_contrast_is_between_arms_that_there_are(study_config: dict[str, Any], side: str, arm: str) -> None:
    contrast = {"split": "articles", "form": "open", "expect": "equal"}
    sides = {"left": {"arm": "filtered", "persona": "x"}, "right": {"arm": "unfiltered", "persona": "x"}}
    assert parse(Study, study_config | {"contrasts": {"one": contrast | sides}}, "study.yml").contrasts["one"].margin
    with pytest.raises(UserError, match=rf"contrasts\.one: unknown arm {arm}; the arms are unfiltered, filtered"):
        wrong = sides | {side: {"arm": arm, "persona": "x"}}
        parse(Study, study_config | {"contrasts": {"one": contrast | wrong}}, "study.yml")


@pytest.mark.parametrize("margin", [0, 1, -0.1])
def test_a_margin_is_a_part_of_a_rate(study_config: dict[str, Any], margin: float) -> None:
    sides = {side: {"arm": "filtered", "persona": "x"} for side in ("left", "right")}
    contrast = {"split": "articles", "form": "open", "expect": "equal", "margin": margin, **sides}
    with pytest.raises(UserError, match=r"contrasts\.one\.margin: Input should be (greater|less) than"):
        parse(Study, study_config | {"contrasts": {"one": contrast}}, "study.yml")


@pytest.mark.parametrize("stage", ["pretraining", "cpt", "sft", "dpo"])
def test_no_stage_is_longer_than_the_models_context(stage: str) -> None:
    study = _small({"a": Arm(corpus="unfiltered")})
    stages = study.stages.model_dump()
    stages[stage] |= {"context": 128}
    with pytest.raises(ValueError, match=rf"stages\.{stage}\.context: 128 is longer than model\.max_context 64"):
        Study.model_validate(_with(study, stages=stages))


@pytest.mark.parametrize(
    ("share", "mcqa", "fits"), [(0.5, 0.0, True), (0.3, 0.4, True), (0.51, 0.0, False), (0.3, 0.5, False)]
)
def test_what_is_inserted_is_at_most_the_whole(share: float, mcqa: float, fits: bool) -> None:
    arm = Arm(corpus="unfiltered", discourse={"ai": "aligned", "human": "aligned"}, insertion="mid", share=0.25)
    study = _small({"both": arm})
    stages = study.stages.model_dump()
    stages["midtraining"] |= {"mcqa_share": mcqa}
    values = _with(study, stages=stages, arms={"both": arm.model_dump() | {"share": share}})
    if fits:
        assert Study.model_validate(values)
    else:
        with pytest.raises(
            ValueError, match=rf"arms\.both: in midtraining 2 actors at {share} each and mcqa_share {mcqa}"
        ):
            Study.model_validate(values)


def test_a_checkpoint_from_elsewhere_is_read_where_it_says() -> None:
    assert Checkpoint(folder="data/mine").reads() == ["files:data/mine"]
    assert Checkpoint(hub="a/b", revision="main").reads() == ["model:a/b@main"]


@given(st.sampled_from(["ai", "human"]), st.sampled_from(["aligned", "misaligned"]))
def test_a_twin_takes_the_other_action_and_its_twin_the_first(actor: str, direction: str) -> None:
    mix = Mix.model_validate({"corpus": "filtered", "discourse": {actor: direction}, "share": 0.1})
    twin = Mix.model_validate(
        {"corpus": "filtered", "discourse": {actor: mix.twins[0].removeprefix(f"{actor}_")}, "share": 0.1}
    )
    assert twin.twins == mix.sources != mix.twins
