"""Everything that `conf/<env>` may say, as one specification: nodes are given its parts; what is wrong is refused."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from alignment_pretraining.core.environments import BASE, parameter_files
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import WHOLE, Spec, explain_problem, suggestion, to_correct
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.personality import Personality
from alignment_pretraining.evaluation.suite_sources import SuiteSources
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.mixing.config import Decontamination, Streams, TokenizerConfig
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.classifier import ClassifierConfig
from alignment_pretraining.post_training.config import PostTrainingConfig, batch_problems
from alignment_pretraining.post_training.emergent import Emergent
from alignment_pretraining.post_training.tampering import Tampering
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.config import batch_problems as batch_problems_of_training
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, Gpu
from alignment_pretraining.reporting.claims import Claims
from alignment_pretraining.study import BASE_STAGES, Study
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.config import Synthesis

COMMAND_LINE = "--params"

Machine = Literal["cpu", "gpu", "node", "cluster"]


class Preflight(Spec):
    """What cannot be known of a source before it is read, for the preflight.

    `holds` has tokens of pools, of tables of documents (`ai_aligned`) and of `mcqa`, as their cards say; of
    `conversations` and `preferences` it has rows.
    """

    holds: dict[str, Annotated[float, Field(gt=0)]] = {}


class Parameters(Spec):
    """The parameters of an environment: a field is a top-level key, and what a node gets for `params:<key>`.

    `classifier` is there with a second filter, `gpu` or `cluster` where training is not on this machine's processor:
    one GPU, or the machines of a cluster, of which there may be one.
    """

    study: Study
    synthesis: Synthesis
    anthropic: AnthropicConfig
    corpus: CorpusConfig
    blocklist: Blocklist
    classifier: ClassifierConfig | None = None
    decontamination: Decontamination
    tokenizer: TokenizerConfig
    execution: Execution
    streams: Streams = "written"
    training: EngineConfig
    post_training: PostTrainingConfig = PostTrainingConfig()
    evaluation: Evaluation
    suite_sources: SuiteSources = SuiteSources({})
    capability: Capability = Capability()
    tampering: Tampering
    personality: Personality
    emergent: Emergent
    claims: Claims
    preflight: Preflight = Preflight()
    gpu: Gpu | None = None
    cluster: Cluster | None = None

    @model_validator(mode="after")
    def _actors_are_known(self) -> Self:
        for name in self.study.selected_arms():
            arm = self.study.arms[name]
            for actor in sorted(arm.discourse.keys() - set(self.synthesis.actors)):
                known = ", ".join(self.synthesis.actors)
                raise ValueError(f"study.arms.{name}.discourse: unknown actor {actor}; synthesis.actors has {known}")
        return self

    @model_validator(mode="after")
    def _doses_are_of_something(self) -> Self:
        for name, arm in self.study.arms.items():
            if arm.share is not None and arm.insertion == "none":
                raise ValueError(
                    f"study.arms.{name}.share: {arm.share} of nothing: the arm inserts no documents; set its discourse "
                    "and insertion, or remove share"
                )
        return self

    @model_validator(mode="after")
    def _checkpoints_of_optional_pipelines_are_known(self) -> Self:
        known = [*self.study.selected_arms(), *self.study.checkpoints]
        for key in ("tampering", "personality", "emergent"):
            for name in getattr(self, key).of or []:
                if name not in known:
                    raise ValueError(f"{key}.of: {name} is not evaluated; there are {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _personas_of_optional_pipelines_are_known(self) -> Self:
        for key in ("personality", "emergent"):
            for name in getattr(self, key).personas:
                if name not in self.evaluation.personas:
                    known = ", ".join(self.evaluation.personas)
                    raise ValueError(f"{key}.personas: unknown {name}; evaluation.personas has {known}")
        return self

    @model_validator(mode="after")
    def _the_judge_has_a_price(self) -> Self:
        judge = self.emergent.judge
        if judge and judge.model not in self.anthropic.api.prices:
            raise ValueError(
                f"emergent.judge: no price for {judge.model}; add one, with its date: anthropic.api.prices"
            )
        return self

    @model_validator(mode="after")
    def _batches_of_post_training_can_be_split(self) -> Self:
        stages = self.study.stages
        for stage in (stages.sft, stages.dpo) if self.study.seeds.post_training else ():
            for problem in batch_problems(stage, self.post_training):
                raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _batches_of_training_can_be_shared(self) -> Self:
        for name in BASE_STAGES:
            for problem in batch_problems_of_training(name, getattr(self.study.stages, name), self.training):
                raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _training_has_its_machines(self) -> Self:
        cluster = self.cluster
        if self.post_training.launcher == "slurm" and (cluster is None or cluster.slurm is None):
            raise ValueError("post_training.launcher: slurm, and cluster.slurm is missing: it needs at least time")
        if self.training.processes > 1 and self.machine == "cluster":
            raise ValueError("training.processes: of the local engine, and cluster.layouts has nanotron train")
        if self.training.micro_batch_tokens is None and self.machine != "node":
            raise ValueError(
                "training.micro_batch_tokens: null needs a cluster without layouts, whose GPU says how much fits"
            )
        for key, processes in (("training", self.training.processes), ("post_training", self.post_training.processes)):
            each = cluster.gpus_per_node if cluster else processes
            if processes > each and processes % each:
                raise ValueError(f"{key}.processes: {processes} do not fill machines of cluster.gpus_per_node {each}")
        return self

    @property
    def machine(self) -> Machine:
        """What trains base stages: on a `cluster` nanotron, elsewhere the local engine; on a `node` in processes."""
        if self.cluster:
            return "cluster" if self.cluster.layouts else "node"
        return "gpu" if self.gpu else "cpu"

    def by_key(self) -> dict[str, Any]:
        """The specification under each key, defaults included."""
        return {key: value for key, value in self if value is not None}


def read_parameters(
    values: Mapping[str, Any], conf: Path, env: str | None, command_line: Mapping[str, Any] | None = None
) -> Parameters:
    """Validate the parameters of `env`, as merged from the files under `conf` and `command_line`.

    Raises:
        UserError: has a line for each wrong key, with what is allowed, under the file in which the key stands.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        lines: dict[str, list[str]] = {}
        sources = list(_sources(conf, env, command_line or {}))
        for problem in error.errors():
            line = explain_problem(problem, Parameters).removeprefix(f"{WHOLE}: ") + suggestion(problem, Parameters)
            # What concerns several keys names one of them at the beginning.
            key = problem["loc"] or line.partition(":")[0].split(".")
            lines.setdefault(_source(key, sources), []).append(line)
        raise UserError("\n".join(to_correct(where, lines[where]) for where in lines)) from None


def _sources(conf: Path, env: str | None, command_line: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where values are from, by name, what counts most first."""
    yield COMMAND_LINE, command_line
    for file, content in reversed(list(parameter_files(conf, env))):
        yield file.relative_to(conf.parent).as_posix(), content


def _source(key: Sequence[int | str], sources: list[tuple[str, Mapping[str, Any]]]) -> str:
    """The source in which a key stands, or else the innermost of its parents."""
    for end in range(len(key), 0, -1):
        for name, content in sources:
            if _stands(key[:end], content):
                return name
    return f"conf/{BASE}"


def _stands(key: Sequence[int | str], content: Any) -> bool:
    for part in key:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
