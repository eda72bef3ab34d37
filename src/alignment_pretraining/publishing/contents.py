"""What is published, by name, and what is not. A user's own texts are on no list."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.own_suites import SUFFIXES
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.numbers import TABLES
from alignment_pretraining.mixing.corpus.config import Files, HubDataset
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.study import StageRun

Kind = Literal["model", "dataset"]

CHAT = ("mcqa", "conversations", "preferences")
BACKGROUND = ("natural_discourse", "stories")
# Beside the tables of numbers.
RESULTS = ("metrics", "curves", "all_items", "samples", "figures", "headline", "report", "protocol_report")
# Those that hold questions and what models say to them.
_WITH_QUESTIONS = ("all_items", "samples", "examples", "report", "protocol_report")
# Those that name the sources of the base corpus.
_WITH_SOURCES = ("corpus_account", "report")
_YOURS = "texts of your own"


@dataclass(frozen=True)
class Repository:
    """A repository on the hub: `datasets` of the catalog by their path in it, and for an arm's models the stages in it.

    `what` is the arm, or documents, chat, suite or results.
    """

    name: str
    kind: Kind
    what: str
    datasets: dict[str, str]
    stage_runs: tuple[StageRun, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A dataset that is not published, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Contents:
    """All repositories of a study, those of the texts before those of the models, and what is left out."""

    repositories: tuple[Repository, ...]
    left_out: tuple[LeftOut, ...]

    def find(self, what: str, kind: Kind = "dataset") -> Repository | None:
        """The repository of this kind, if the study has it."""
        return next((one for one in self.repositories if (one.what, one.kind) == (what, kind)), None)


def contents_of(graph: Graph, parameters: Parameters) -> Contents:
    """What of the study is published.

    Raises:
        UserError: the study's name is none for a repository.
    """
    study, left_out = parameters.study, _left_out(graph, parameters)
    withheld = {one.name for one in left_out}
    there = {output for node in graph.study_nodes for output in node.outputs} - withheld

    def repository(what: str, datasets: dict[str, str]) -> Iterator[Repository]:
        made = {place: name for place, name in datasets.items() if name in there}
        if made:
            yield Repository(_name(study.name, what), "dataset", what, made)

    documents = [f"documents_{source}" for source in parameters.synthesis.document_sources]
    texts = [*documents, *BACKGROUND, "documents.quality"]
    tables = [*TABLES, *RESULTS]
    found = [
        *repository("documents", {_file(graph, name): name for name in texts}),
        *repository("chat", {_file(graph, name): name for name in CHAT}),
        *repository("suite", {"": "suite", _file(graph, "questions"): "questions"}),
        *repository("results", {_file(graph, name): name for name in tables}),
    ]
    by_arm: dict[str, list[StageRun]] = {}
    for stage_run in study.stage_runs() if study.selected_arms() else []:
        by_arm.setdefault(stage_run.arm, []).append(stage_run)
    for arm, stage_runs in by_arm.items():
        checkpoints = {
            subfolder(run, seed): run.dataset(seed, "checkpoint") for run in stage_runs for seed in study.seeds_of(run)
        }
        found.append(Repository(_name(study.name, arm), "model", arm, checkpoints, tuple(stage_runs)))
    return Contents(tuple(found), tuple(left_out))


def subfolder(stage_run: StageRun, seed: int) -> str:
    """Where a checkpoint lies in its repository, as in the project."""
    return f"seed{seed}/{stage_run.stage}"


def owner_of(name: str) -> str:
    """`name`, which is to be a user or an organization on the hub.

    Raises:
        UserError: it can be none.
    """
    if "/" in name:
        raise UserError(f"--to {name}: name the user or organization alone; repositories are called after the study")
    return _valid(name, f"--to {name}")


def _name(study: str, what: str) -> str:
    return _valid(f"{study}-{what}", f"study.name {study!r}: its repository {study}-{what}")


def _valid(name: str, what: str) -> str:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError:
        rules = "letters, digits, and single -, _ and . between them, 96 characters at most"
        raise UserError(f"{what} is no name on the hub: {rules}") from None
    return name


def _file(graph: Graph, dataset: str) -> str:
    """A file's name in a repository: that of the dataset, with the ending of its own."""
    path = graph.path(dataset) if dataset in graph.makers else None
    return dataset + (path.suffix if path else "")


def _left_out(graph: Graph, parameters: Parameters) -> list[LeftOut]:
    found = [LeftOut("corpus_documents, heldout_documents", "the base corpus is never published")]
    named = parameters.synthesis.hub
    for name in [*(f"documents_{source}" for source in named.documents), *CHAT]:
        tables = named.documents.get(name.removeprefix("documents_")) or getattr(named, name, None)
        if tables:
            found.append(LeftOut(name, f"read from the hub: {', '.join(table.dataset for table in tables)}"))
    if why := _questions_from_elsewhere(graph, parameters):
        # What models answered repeats the questions.
        names = ["suite", "questions", "questions.quality", *_WITH_QUESTIONS]
        found += [LeftOut(name, why) for name in names if name in graph.makers]
    if own := _private_names(parameters):
        known = {one.name for one in found}
        why = f"names a source of the corpus: {own[0]}; name it by a path in the project"
        found += [LeftOut(name, why) for name in _WITH_SOURCES if name in graph.makers and name not in known]
    return found


def _questions_from_elsewhere(graph: Graph, parameters: Parameters) -> str | None:
    """Why the questions are not this project's to publish."""
    if parameters.synthesis.questions == "sources" and "questions" in graph.makers:
        return f"quotes {_YOURS} ({graph.relative('sources')})"
    folder = graph.path("suites")
    own = [path for path in folder.iterdir() if path.suffix in SUFFIXES] if folder and folder.is_dir() else []
    if own:
        return f"has {_YOURS} ({graph.relative('suites')}/{own[0].name})"
    if parameters.suite_sources.root:
        names = [source.hub or "a file of your own" for source in parameters.suite_sources.root.values()]
        return f"has questions from elsewhere: {', '.join(names)}"
    return None


def _private_names(parameters: Parameters) -> list[str]:
    """Sources whose names tell more than which of the project's files they are: what may hold a key is cut off."""
    sources = parameters.corpus.sources
    own = [source.files for source in sources if isinstance(source, Files)]
    own += [source.dataset for source in sources if isinstance(source, HubDataset)]
    return [name.partition("://")[0] + "://…" if "://" in name else name for name in own if _is_private(name)]


def _is_private(name: str) -> bool:
    return "://" in name or name.startswith("~") or Path(name).is_absolute() or ".." in Path(name).parts
