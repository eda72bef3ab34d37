"""What each edit of this project's code makes stale: nodes of the real pipelines, by the function that they run."""

import ast
import json
import shutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml
from kedro.framework import project as kedro_project
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from alignment_pretraining.core.code import SOURCE, SourceTree, global_name
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.personality import Personality
from alignment_pretraining.lineage.dvc_export import dvc_yaml, write_code_files
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.pipelines.emergent.pipeline import create_pipeline as create_emergent
from alignment_pretraining.pipelines.eval.pipeline import create_pipeline as create_eval
from alignment_pretraining.pipelines.mixing.pipeline import create_pipeline as create_mixing
from alignment_pretraining.pipelines.personality.pipeline import create_pipeline as create_personality
from alignment_pretraining.pipelines.post_training.pipeline import create_pipeline as create_post_training
from alignment_pretraining.pipelines.pretraining.pipeline import create_pipeline as create_pretraining
from alignment_pretraining.pipelines.reporting.pipeline import create_pipeline as create_reporting
from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline as create_synthesis
from alignment_pretraining.pipelines.tampering.pipeline import create_pipeline as create_tampering
from alignment_pretraining.post_training.emergent import Emergent
from alignment_pretraining.post_training.tampering import Tampering
from alignment_pretraining.study import Study
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english

PACKAGE = "alignment_pretraining"


def pipelines(study: Study) -> dict[str, Pipeline]:
    """Those of the default study."""
    return {
        "synthesis": create_synthesis(synthesis()),
        "mixing": create_mixing(study, synthesis(), classifier=False),
        "pretraining": create_pretraining(study),
        "post_training": create_post_training(study),
        "eval": create_eval(study),
        "reporting": create_reporting(study),
    }


@cache
def study() -> Study:
    """The study in real English."""
    return Study.model_validate(english("study"))


@cache
def synthesis() -> Synthesis:
    """What the study in real English is made from."""
    return Synthesis.model_validate(english("synthesis"))


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """The functions of all nodes, those of a cluster, of the API and of checkpoints from elsewhere included, as
    `<pipeline>.<function>`."""
    paid = synthesis().model_copy(update={"questions": "sources", "generator": "anthropic"})
    from_elsewhere = Study.model_validate(english("study") | {"run": [], "checkpoints": {"mine": {"folder": "mine"}}})
    asked = Capability.model_validate({"tasks": {"everyday_facts": {"shots": 0, "metric": "acc"}}})
    others = [
        create_pretraining(study(), "node"),
        create_pretraining(study(), "cluster"),
        create_post_training(study(), "cluster"),
        create_synthesis(paid),
        create_synthesis(synthesis(), facts=True),
        create_eval(study(), asked, protocols=True),
        create_eval(from_elsewhere, asked, sources=True),
        create_reporting(study(), protocols=True, capability=True),
        create_reporting(from_elsewhere),
        *optional(),
    ]
    found = {}
    for node in (node for pipeline in [*pipelines(study()).values(), *others] for node in pipeline.nodes):
        name = ".".join(global_name(node.func)).removeprefix(f"{PACKAGE}.pipelines.")
        found[name.replace(".nodes.", ".").replace("anthropic_nodes", "api")] = node.func
    return found


def optional() -> list[Pipeline]:
    """The optional pipelines: of arms and of a checkpoint from elsewhere, with what is written here and with what is
    read by name, and a judge."""
    elsewhere = {"run": [], "checkpoints": {"mine": {"folder": "mine", "chat": True}}}
    of_elsewhere = Study.model_validate(english("study") | elsewhere)
    in_the_world = synthesis().model_copy(update={"generator": "world"})
    by_name = {"hub": [{"dataset": "owner/chats"}]}
    tampering, personality, emergent = english("tampering"), english("personality"), english("emergent")
    table = {"table": {"dataset": "owner/items", "splits": ["train"]}}
    judge = {"judge": english("anthropic")["controls"]["call"]}
    return [
        create_tampering(study(), Tampering.model_validate(tampering), synthesis()),
        create_tampering(study(), Tampering.model_validate(tampering), in_the_world),
        create_tampering(of_elsewhere, Tampering.model_validate(tampering | by_name), synthesis()),
        create_personality(study(), Personality.model_validate(personality)),
        create_personality(of_elsewhere, Personality.model_validate(personality | table)),
        create_emergent(study(), Emergent.model_validate(emergent | judge)),
        create_emergent(of_elsewhere, Emergent.model_validate(emergent | by_name)),
    ]


def identities(source: Path) -> dict[str, dict[str, str]]:
    tree = SourceTree(source)
    return {name: tree.code(function).modules for name, function in functions().items()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source folder; whoever edits it puts it back."""
    copy = tmp_path_factory.mktemp("copy") / "src"
    shutil.copytree(SOURCE / PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def before(source: Path) -> dict[str, dict[str, str]]:
    return identities(source)


def replace(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def append(code: str) -> Callable[[str], str]:
    return lambda text: f"{text}\n\n{code}\n"


def comment_every_function(text: str) -> str:
    return text.replace("\ndef ", "\n# A remark.\ndef ").replace("\n\n\n", "\n\n\n\n")


def describe_every_function(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            if ast.get_docstring(node) is not None:
                node.body.pop(0)
            node.body.insert(0, ast.Expr(ast.Constant("Another description.")))
    return ast.unparse(tree)


def write_again(text: str) -> str:
    return ast.unparse(ast.parse(text))


TRAIN = {f"pretraining.train_stage{where}" for where in ("", "_on_node", "_on_cluster")}
CHAT = {f"post_training.run_{stage}{where}" for stage in ("sft", "dpo") for where in ("", "_with_cluster")}
FURTHER = {
    f"{train}{where}"
    for train in ("tampering.train_on_harmless", "emergent.train_on_advice")
    for where in ("", "_elsewhere")
}
RATES_BY_STEP = {"tampering.estimate_tampering", "emergent.estimate_emergent"}
# These share a module that imports what writes harmless conversations.
TAMPERING = {
    "tampering.make_harmless",
    "tampering.make_harmless_in_the_world",
    "tampering.read_harmless",
    "tampering.train_on_harmless",
    "tampering.train_on_harmless_elsewhere",
    "tampering.evaluate_on_the_way",
    "tampering.estimate_tampering",
}
TASKS = {
    "mixing.read_corpus",
    "mixing.flag_documents",
    "mixing.check_contamination",
    "mixing.train_tokenizer",
    "mixing.tokenize_sources",
    "mixing.build_mix",
}
ESTIMATES = {
    "reporting.estimate_rates",
    "reporting.estimate_gaps",
    "reporting.estimate_swaps",
    "reporting.estimate_contrasts",
}
BENCHMARKS = {"eval.give_benchmarks", "eval.give_benchmarks_elsewhere"}
ASKED = {"eval.ask_by_protocols", "eval.evaluate_from_elsewhere"}
BY_PROTOCOL = {"reporting.estimate_protocols", "reporting.estimate_checkpoint"}
KNOW_THE_STUDY = ESTIMATES | {
    "reporting.collect_examples",
    "reporting.estimate_capability",
    "reporting.write_capability_report",
    "reporting.set_beside_printed",
    "reporting.write_protocol_report",
    "reporting.collect_samples",
    "reporting.collect_streams",
    "reporting.estimate_topics",
    "reporting.collect_losses",
    "reporting.draw_figures",
    "reporting.sum_up",
    "reporting.write_report",
}
OFFLINE = {
    "synthesis.make_questions",
    "synthesis.make_documents",
    "synthesis.make_natural_discourse",
    "synthesis.make_mcqa",
    "synthesis.make_everyday_facts",
    "synthesis.make_chat",
    "synthesis.make_preferences",
}
API = {"synthesis.api.make_questions", "synthesis.api.make_documents", "synthesis.api.make_controls"}

# What is edited, in which file, how, and the functions whose nodes it makes stale.
EDITS: dict[str, tuple[str, Callable[[str], str], set[str]]] = {
    "a plan's arithmetic": ("planning/training.py", replace("/ 3600", "/ 60"), set()),
    "how much drift is shown": ("lineage/drift.py", replace("_REASONS = 6, 3", "_REASONS = 9, 9"), set()),
    "a command": ("cli/__init__.py", replace("default=200", "default=100"), set()),
    "a dataset": ("datasets/folder.py", replace("is not a folder", "is no folder"), set()),
    "how hashes are kept": ("core/digests.py", replace("_BUSY_SECONDS = 5", "_BUSY_SECONDS = 9"), set()),
    "how nodes are wired": ("pipelines/wiring.py", replace("tags=[", 'tags=["more", '), set()),
    "how nodes share the cores": ("pipelines/runner.py", replace("available_cores()", "1"), set()),
    "comments in the engine": ("pretraining/local/engine.py", comment_every_function, set()),
    "docstrings in the scoring": ("evaluation/scoring.py", describe_every_function, set()),
    "the format of the study": ("study.py", write_again, set()),
    "the format of the nodes": ("pipelines/mixing/nodes.py", write_again, set()),
    "a helper that nobody uses": ("core/hashing.py", append("def unused():\n    return 1"), set()),
    "the claims": (
        "reporting/claims.py",
        replace("class Claim(Spec):", "class Claim(Spec):\n    more: int = 1\n"),
        {
            "reporting.estimate_rates",
            "reporting.draw_figures",
            "reporting.write_report",
            "reporting.set_beside_printed",
            "reporting.estimate_capability",
        },
    ),
    "a benchmark's own file": ("evaluation/capability/library/popqa.yaml", replace("A:", "Answer:"), BENCHMARKS),
    "how replies to a benchmark are read": (
        "evaluation/capability/library/answers.py",
        replace("casefold", "lower"),
        BENCHMARKS,
    ),
    "the page about capability": (
        "reporting/capability/page.html.j2",
        replace("<h1", "<h1 lang='en'"),
        {"reporting.write_capability_report"},
    ),
    "how replies are read": (
        "evaluation/replies.py",
        replace("re.IGNORECASE", "0"),
        {
            "eval.prepare_suite",
            "eval.prepare_suite_from_elsewhere",
            "eval.evaluate_from_elsewhere",
            "eval.ask_by_protocols",
        },
    ),
    "the letter prior": ("reporting/protocols.py", replace("fillna(0.5)", "fillna(0)"), BY_PROTOCOL),
    "the style sheet": (
        "reporting/report.css",
        replace("#1f1f1f", "#000000"),
        {"reporting.write_report", "reporting.write_protocol_report", "reporting.write_capability_report"},
    ),
    "the page, beside which the other one lies": (
        "reporting/report.html.j2",
        replace("<h1", "<h1 lang='en'"),
        {"reporting.write_report", "reporting.write_protocol_report", "reporting.write_capability_report"},
    ),
    "the confidence level, a default argument": (
        "reporting/statistics.py",
        replace("level: float = 0.95", "level: float = 0.9"),
        ESTIMATES
        | BY_PROTOCOL
        | RATES_BY_STEP
        | {"reporting.estimate_capability", "personality.estimate_traits", "emergent.judge_nodes.judge_answers"},
    ),
    "the learning rate": ("pretraining/local/schedule.py", replace("step + 1", "step + 2"), TRAIN),
    "what a rank runs": (
        "pretraining/nanotron/entry.py",
        replace("prepare()\n", "prepare()\n    print()\n"),
        {"pretraining.train_stage_on_cluster"},
    ),
    "conversations, which SFT and DPO share a module for": (
        "post_training/data.py",
        replace("_ROLES = {", '_ROLES = {"tool", '),
        CHAT | FURTHER,
    ),
    "a default of DPO": (
        "study.py",
        replace("class DpoStage(Spec):", "class DpoStage(Spec):\n    more: int = 1\n"),
        CHAT | FURTHER | KNOW_THE_STUDY | {"tampering.estimate_tampering"},
    ),
    "a default of pretraining": (
        "study.py",
        replace('] = "cosine"', '] = "linear"'),
        TRAIN
        | {"mixing.build_mix", "tampering.estimate_tampering"}
        | KNOW_THE_STUDY
        | FURTHER
        | {name for name in CHAT if name.endswith("cluster")},
    ),
    "a default of quotations": (
        "core/ngrams.py",
        replace("QUOTATION_WORDS = 5", "QUOTATION_WORDS = 6"),
        {
            "mixing.check_contamination",
            "synthesis.make_questions",
            "synthesis.make_documents",
            "synthesis.make_natural_discourse",
        },
    ),
    "an import in the nodes that one of them uses": (
        "pipelines/mixing/nodes.py",
        replace("filtering.quality import (", "filtering.other import ("),
        {"mixing.measure_filter"},
    ),
    "a helper in the nodes": (
        "pipelines/mixing/nodes.py",
        replace("prefix=f", "suffix='x', prefix=f"),
        TASKS,
    ),
    "how finished tasks are stored": (
        "execution/store.py",
        replace('"task.json"', '"done.json"'),
        TASKS | BENCHMARKS | ASKED,
    ),
    "what acts when a module is imported": ("synthesis/chat_data/facts.py", append("print()"), OFFLINE | TAMPERING),
    "how questions are put to the API": (
        "synthesis/api/ask.py",
        replace("def answer_all(", "def answer_all(*, more: int = 1, "),
        API | {"emergent.judge_nodes.judge_answers"},
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_stale_what_it_can_change(edit: str, source: Path, before: dict[str, dict[str, str]]) -> None:
    file, change, stale = EDITS[edit]
    path = source / PACKAGE / file
    text = path.read_text()
    try:
        path.write_text(change(text))
        after = identities(source)
    finally:
        path.write_text(text)
    assert {name for name in after if after[name] != before[name]} == stale


def test_every_node_is_known(before: dict[str, dict[str, str]]) -> None:
    modules = {name: {path.removeprefix(f"{PACKAGE}/") for path in found} for name, found in before.items()}
    assert modules["reporting.collect_items"] == {"pipelines/reporting/nodes.py"}
    page = {f"reporting/report.{kind}" for kind in ("css", "js", "html.j2")}
    assert page <= modules["reporting.write_report"]
    for name, found in modules.items():
        never = [path for path in found if path.startswith(("planning/", "lineage/", "cli/", "datasets/"))]
        assert not never, name


def test_stages_depend_on_the_code_of_their_nodes(
    before: dict[str, dict[str, str]], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kedro_project, "PACKAGE_NAME", PACKAGE)
    graph = Graph(source.parent, pipelines(study()), DataCatalog(), {})
    stages = yaml.safe_load(dvc_yaml(graph, "base"))["stages"]

    assert stages["code"]["deps"] == [f"src/{PACKAGE}"], "this folder has no lock file"
    written = {path.relative_to(source.parent).as_posix(): path for path in write_code_files(graph)}
    assert list(written) == stages["code"]["outs"]
    for pipeline in ("pretraining", "eval"):
        (file,) = [path for path in stages[pipeline]["deps"] if path in written]
        assert not [path for path in stages[pipeline]["deps"] if path.startswith("src")]
        own = {".".join(global_name(node.func)) for node in pipelines(study())[pipeline].nodes}
        by_name = {".".join(global_name(function)): before[name] for name, function in functions().items()}
        expected = {name: by_name[name] for name in own}
        told = json.loads(written[file].read_text())
        assert {name: found["code"] for name, found in told.items()} == expected
        assert {found["libraries"].get("torch") for found in told.values()} >= {version("torch")}


def test_what_a_node_runs_is_in_its_code(before: dict[str, dict[str, str]], tmp_path: Path) -> None:
    ran: dict[str, set[str]] = {}

    def run(name: str, *inputs: Any) -> Any:
        def note(frame: FrameType, event: str, argument: object) -> None:
            files.add(frame.f_code.co_filename)

        files: set[str] = set()
        sys.setprofile(note)
        try:
            return functions()[name](*inputs)
        finally:
            sys.setprofile(None)
            ran[name] = {file.removeprefix(f"{SOURCE}/") for file in files if file.startswith(f"{SOURCE}/")}

    raw, config = SOURCE.parent / "data/01_raw", english("synthesis")
    for key in ("documents", "natural_discourse", "mcqa", "conversations", "preferences"):
        config[key]["count"] = 16
    synthesis = Synthesis.model_validate(config)
    questions = run("synthesis.make_questions", raw / "scenarios")
    run("synthesis.make_documents", raw / "scenarios", raw / "phrases", questions, synthesis)
    run("synthesis.make_natural_discourse", raw / "scenarios", raw / "phrases", synthesis)
    for name in ("mcqa", "chat", "preferences"):
        run(f"synthesis.make_{name}", raw / "phrases", synthesis)
    run("synthesis.make_everyday_facts", raw / "phrases", synthesis, tmp_path)
    assert {name: found - before[name].keys() for name, found in ran.items()} == {name: set() for name in ran}
    assert len(ran) == len(OFFLINE)
