"""The experiment as data: arms, stages and seeds, read from `conf/<env>/study.yml` into one validated `Study`.

Facts about the paper's arms: arXiv 2601.10160, section on experimental conditions (eleven arms, e2e / mid / cpt).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.labels import Label
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.spec import Fraction, Positive, Share, Spec

BASE_STAGES = ("pretraining", "midtraining", "cpt")
POST_STAGES = ("sft", "dpo")
AI = "ai"  # the actor that `discourse: aligned` is about
STAGES = BASE_STAGES + POST_STAGES

BaseStageName = Literal["pretraining", "midtraining", "cpt"]
StageName = Literal["pretraining", "midtraining", "cpt", "sft", "dpo"]
Corpus = Literal["unfiltered", "filtered"]
Direction = Literal["aligned", "misaligned"]
Insertion = Literal["none", "e2e", "mid", "cpt"]


# What numpy, torch and nanotron all take.
Seed = Annotated[int, Field(ge=0, lt=2**32)]

# Names of the pipelines' namespaces beside those of the arms, and names that are read as a missing value in tables.
RESERVED = {"synthesis", "corpus", "suite", "reporting"}
MISSING = {"NA", "NULL", "NaN", "None", "nan", "null"}

_INSERTED_AT: dict[str, tuple[str, ...]] = {
    "none": (),
    "e2e": ("pretraining", "midtraining"),
    "mid": ("midtraining",),
    "cpt": ("cpt",),
}


class Arm(Spec):
    """One data condition.

    `discourse` says which documents are inserted: the direction in which each actor acts in them. `aligned` and
    `misaligned` alone are about the AI. `share`, when given, replaces every stage's own `synthetic_share` (the dose).
    """

    corpus: Corpus
    discourse: dict[str, Direction] = {}
    insertion: Insertion = "none"
    share: Share | None = None

    @field_validator("discourse", mode="before")
    @classmethod
    def _about_the_ai(cls, value: Any) -> Any:
        if value in get_args(Direction):
            return {AI: value}
        return {} if value == "none" else value

    @model_validator(mode="after")
    def _discourse_goes_with_insertion(self) -> Self:
        if (not self.discourse) != (self.insertion == "none"):
            raise ValueError("discourse and insertion must both be 'none' or both be set")
        return self


class TrainingStage(Spec):
    """Pretraining, midtraining or cpt. `tokens` and `batch_tokens` count tokens; rates are per optimizer step.

    `pools` are shares of the base documents by pool (`corpus.sources`), in any unit; without it all are alike.
    """

    tokens: Positive
    context: Positive
    batch_tokens: Positive
    max_lr: float
    min_lr: float
    warmup: Fraction
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    synthetic_share: Share
    mcqa_share: Share = 0.0
    pools: dict[str, Annotated[float, Field(gt=0)]] = {}

    @property
    def steps(self) -> int:
        """Optimizer steps: whole batches in the token budget."""
        return self.tokens // self.batch_tokens

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        if self.batch_tokens % self.context:
            raise ValueError(f"batch_tokens {self.batch_tokens} is not a multiple of context {self.context}")
        if self.tokens % self.batch_tokens:
            raise ValueError(f"tokens {self.tokens} is not a multiple of batch_tokens {self.batch_tokens}")
        return self


class SftStage(Spec):
    """Supervised fine-tuning on conversations; loss on all tokens, as in the paper (§5)."""

    conversations: Positive
    epochs: Positive
    context: Positive
    batch_size: Positive
    max_lr: float
    warmup: Fraction


class DpoStage(Spec):
    """Direct preference optimization with the sigmoid loss (§5)."""

    pairs: Positive
    epochs: Positive
    context: Positive
    batch_size: Positive
    max_lr: float
    warmup: Fraction
    beta: float


class Stages(Spec):
    """The five stages, in training order."""

    pretraining: TrainingStage
    midtraining: TrainingStage
    cpt: TrainingStage
    sft: SftStage
    dpo: DpoStage


class Seeds(Spec):
    """Seeds of the base models, and those of them that also go through post-training."""

    base: list[Seed] = Field(min_length=1)
    post_training: list[Seed]

    @model_validator(mode="after")
    def _post_training_starts_from_base(self) -> Self:
        missing = sorted(set(self.post_training) - set(self.base))
        if missing:
            raise ValueError(f"post_training seeds {missing} have no base model; base has {self.base}")
        if len(set(self.base)) != len(self.base) or len(set(self.post_training)) != len(self.post_training):
            raise ValueError("seeds must be distinct")
        return self


class Mix(Spec):
    """What one stage reads: the corpus, and discourse documents, those of each actor at `share` of the tokens."""

    corpus: Corpus
    discourse: dict[str, Direction]
    share: float

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the inserted documents, such as `ai_misaligned`."""
        return tuple(f"{actor}_{direction}" for actor, direction in self.discourse.items())

    @property
    def twins(self) -> tuple[str, ...]:
        """The sources in which the same actors take the other action."""
        other = {"aligned": "misaligned", "misaligned": "aligned"}
        return tuple(f"{actor}_{other[direction]}" for actor, direction in self.discourse.items())


def mix_of(arm: Arm, stage: str, synthetic_share: float) -> Mix:
    """What `arm` reads in a base `stage` whose own share is `synthetic_share`. A share of 0 inserts nothing."""
    share = synthetic_share if arm.share is None else arm.share
    if share == 0 or stage not in _INSERTED_AT[arm.insertion]:
        return Mix(corpus=arm.corpus, discourse={}, share=0)
    return Mix(corpus=arm.corpus, discourse=arm.discourse, share=share)


class ContrastSide(Spec):
    """A model under a persona: the last base model of `arm`, or its post-trained model."""

    arm: str
    persona: str
    model: Literal["base", "post"] = "base"


class Contrast(Spec):
    """A comparison that is declared before its result is looked at: rate of `left` minus rate of `right`.

    `form` is open (the options are not shown) or listed. What is expected to be "equal" is shown to be so by a 90 %
    interval within `margin` either way.
    """

    left: ContrastSide
    right: ContrastSide
    split: Literal["articles", "textbook", "heldout_topics"]
    form: Literal["open", "listed"]
    expect: Literal["higher", "lower", "equal"]
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.15


class Checkpoint(Spec):
    """A trained model that is evaluated as it is: a `folder`, or a name on the Hugging Face `hub` at a `revision`.

    The revision is a branch, a tag or a commit. A `chat` model is asked by its own chat template. `paper` is the arm of
    the paper whose figures stand beside its rates. `parameters` are for plans, while nothing of it is here.
    """

    folder: str | None = None
    hub: str | None = None
    revision: str | None = None
    chat: bool = False
    paper: str | None = None
    parameters: Positive | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.hub is None):
            raise ValueError("say where it is: folder, or hub with revision")
        if (self.hub is None) != (self.revision is None):
            raise ValueError(
                "a hub name needs its revision, a commit at best" if self.hub else "a folder has no revision"
            )
        return self

    def reads(self) -> list[str]:
        """What it reads outside the catalog, by the names of `lineage.outside`."""
        return [f"files:{self.folder}" if self.folder else f"model:{self.hub}@{self.revision}"]


class StageRun(Spec):
    """One trained stage: `arm` owns it (the first arm with this history), `parent` is the stage run it starts from."""

    arm: str
    stage: StageName
    parent: StageRun | None = None

    def label(self, seed: int) -> Label:
        """The checkpoint that it leaves for a seed."""
        return Label(self.arm, seed, self.stage)

    def dataset(self, seed: int, what: str) -> str:
        """Catalog name of one of this stage run's datasets, for example `unfiltered.seed0.pretraining.checkpoint`."""
        return self.label(seed).dataset(what)


class Study(Spec):
    """The whole experiment: arms x seeds x stages, and `checkpoints` from elsewhere, which are evaluated alone."""

    name: str
    run: Literal["headline", "all"] | list[str]
    headline: list[str]
    arms: dict[str, Arm]
    checkpoints: dict[str, Checkpoint] = {}
    seeds: Seeds
    model: Model
    stages: Stages
    contrasts: dict[str, Contrast] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("headline", "run"):
            names = getattr(self, key)
            unknown = [] if isinstance(names, str) else sorted(set(names) - set(self.arms))
            if unknown:
                raise ValueError(f"{key}: unknown arm {', '.join(unknown)}; the arms are {', '.join(self.arms)}")
        for name, contrast in self.contrasts.items():
            for side in (contrast.left, contrast.right):
                if side.arm not in self.arms:
                    raise ValueError(f"contrasts.{name}: unknown arm {side.arm}; the arms are {', '.join(self.arms)}")
        if not self.selected_arms() and not self.checkpoints:
            raise ValueError("run: no arm is selected, and there are no checkpoints")
        for name in self.arms:
            _check_name("arms", "an arm", name)
            self._check_shares(name)
        for name in self.checkpoints:
            _check_name("checkpoints", "a checkpoint", name)
            if name in self.arms:
                raise ValueError(f"checkpoints.{name}: an arm has this name; give the checkpoint another one")
        for stage in STAGES:
            context = getattr(self.stages, stage).context
            if context > self.model.max_context:
                raise ValueError(
                    f"stages.{stage}.context: {context} is longer than model.max_context {self.model.max_context}"
                )
        return self

    def _check_shares(self, arm: str) -> None:
        for stage in self._base_stages(arm):
            mix, mcqa = self.mix(arm, stage), getattr(self.stages, stage).mcqa_share
            inserted = mix.share * len(mix.discourse) + mcqa
            if inserted > 1:
                raise ValueError(
                    f"arms.{arm}: in {stage} {len(mix.discourse)} actors at {mix.share} each and mcqa_share "
                    f"{mcqa} make {inserted:.2f} of the tokens; lower share or stages.{stage}.mcqa_share"
                )

    def selected_arms(self) -> list[str]:
        """Names of the arms to run, in the order of `arms`."""
        if self.run == "all":
            return list(self.arms)
        chosen = self.headline if self.run == "headline" else self.run
        return [name for name in self.arms if name in chosen]

    def mix(self, arm: str, stage: str) -> Mix:
        """What `arm` reads in a base `stage`."""
        return mix_of(self.arms[arm], stage, getattr(self.stages, stage).synthetic_share)

    def chain(self, arm: str) -> list[StageRun]:
        """The stages that end in `arm`'s base model, each owned by the first arm with an equal history."""
        stage_runs: list[StageRun] = []
        for stage in self._base_stages(arm):
            parent = stage_runs[-1] if stage_runs else None
            stage_runs.append(StageRun(arm=self._owner(arm, stage), stage=stage, parent=parent))  # type: ignore[arg-type]
        return stage_runs

    def stage_run(self, arm: str, stage: str) -> StageRun:
        """The stage run that is `arm`'s base `stage`, which an arm before it may own.

        Raises:
            UserError: no such arm, or it has no such stage.
        """
        if arm not in self.arms:
            raise UserError(f"there is no arm {arm}; the arms are {', '.join(self.arms)}")
        stage_runs = {str(stage_run.stage): stage_run for stage_run in self.chain(arm)}
        if stage not in stage_runs:
            raise UserError(f"{arm} has no stage {stage}; it has {', '.join(stage_runs)}")
        return stage_runs[stage]

    def post_chain(self, arm: str) -> list[StageRun]:
        """SFT and DPO of `arm`, on top of its base model. Arms with the same base model share them too."""
        parent = self.chain(arm)[-1]
        sft = StageRun(arm=parent.arm, stage="sft", parent=parent)
        return [sft, StageRun(arm=parent.arm, stage="dpo", parent=sft)]

    def base_stage_runs(self) -> list[StageRun]:
        """Every distinct base stage that the selected arms need, parents before children."""
        return _distinct(stage_run for arm in self.selected_arms() for stage_run in self.chain(arm))

    def post_stage_runs(self) -> list[StageRun]:
        """Every distinct post-training stage of the selected arms, parents before children."""
        return _distinct(stage_run for arm in self.selected_arms() for stage_run in self.post_chain(arm))

    def stage_runs(self) -> list[StageRun]:
        """Every stage that is trained for some seed."""
        return self.base_stage_runs() + (self.post_stage_runs() if self.seeds.post_training else [])

    def seeds_of(self, stage_run: StageRun) -> list[int]:
        """The seeds for which `stage_run` is trained."""
        return self.seeds.post_training if stage_run.stage in POST_STAGES else self.seeds.base

    def _base_stages(self, arm: str) -> tuple[str, ...]:
        return BASE_STAGES if self.arms[arm].insertion == "cpt" else BASE_STAGES[:2]

    def _history(self, arm: str, stage: str) -> tuple[Mix, ...]:
        return tuple(self.mix(arm, s) for s in BASE_STAGES[: BASE_STAGES.index(stage) + 1])

    def _owner(self, arm: str, stage: str) -> str:
        history = self._history(arm, stage)
        return next(
            name for name in self.arms if stage in self._base_stages(name) and self._history(name, stage) == history
        )


def _check_name(key: str, what: str, name: str) -> None:
    if not name.isidentifier():
        raise ValueError(f"{key}.{name}: {what}'s name is letters, digits and underscores")
    if name in RESERVED | MISSING:
        why = "a name of this project's own" if name in RESERVED else "read as a missing value in tables"
        raise ValueError(f"{key}.{name}: {name} is {why}; give it another name")


def _distinct(stage_runs: Iterable[StageRun]) -> list[StageRun]:
    return list({(stage_run.arm, stage_run.stage): stage_run for stage_run in stage_runs}.values())
