"""Base corpus, keyword filter, tokenizer, token shards, and one mix for each stage that is trained."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.mixing import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import StageRun, Study
from alignment_pretraining.synthesis.config import Synthesis


def create_pipeline(study: Study, synthesis: Synthesis, *, classifier: bool) -> Pipeline:
    """The shared corpus nodes, and a mix for each (arm, seed, base stage) that the study trains.

    With `classifier` there is a second filter.
    """
    mixes = [_mix(stage_run, seed) for stage_run in study.base_stage_runs() for seed in study.seeds.base]
    return Pipeline([*_corpus(synthesis, classifier), *mixes], tags="mixing")


def _corpus(synthesis: Synthesis, classifier: bool) -> list[Node]:
    sources = synthesis.document_sources
    documents = [f"documents_{source}" for source in sources]
    stories = ["stories"] if synthesis.generator == "world" else []
    tasks = ["params:execution", "scratch"]
    second = ["filter_classifier"] if classifier else []
    trained = [_node(nodes.train_classifier, ["passages", "params:classifier"], "filter_classifier")]
    return [
        *(trained if classifier else []),
        _node(
            nodes.read_corpus,
            ["params:corpus", "natural_discourse", *tasks, *stories],
            ["corpus_documents", "heldout_documents", "quarantine", "corpus_reading"],
        ),
        _node(
            nodes.flag_documents,
            ["corpus_documents", "corpus_reading", "params:blocklist", *tasks, *second],
            ["flags", "corpus_account"],
        ),
        _node(nodes.measure_filter, ["passages", "corpus_account", "params:blocklist", *second], "filter_quality"),
        _node(
            bind(nodes.check_contamination, sources=sources),
            ["corpus_documents", "mcqa", "questions", "params:decontamination", *tasks, *documents],
            "contamination",
        ),
        _node(
            nodes.train_tokenizer,
            ["corpus_documents", "params:study.model", "params:tokenizer", "scratch"],
            "tokenizer",
        ),
        _node(
            bind(nodes.tokenize_sources, sources=sources),
            ["corpus_documents", "mcqa", "heldout_documents", "tokenizer", *tasks, *documents],
            ["tokens", "heldout_tokens"],
        ),
    ]


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    return node(function, inputs, outputs, name=function.__name__, namespace="corpus")


def _mix(stage_run: StageRun, seed: int) -> Node:
    label = str(stage_run.label(seed))
    return stage_node(
        "mix",
        bind(nodes.build_mix, stage_name=stage_run.stage, seed=seed, label=label),
        {
            "tokens": "tokens",
            "flags": "flags",
            "contamination": "contamination",
            "arm": f"params:study.arms.{stage_run.arm}",
            "stage": f"params:study.stages.{stage_run.stage}",
            "repeat": "params:corpus.repeat",
            "streams": "params:streams",
            "execution": "params:execution",
            "scratch": "scratch",
        },
        [stage_run.dataset(seed, "mix"), stage_run.dataset(seed, "manifest")],
        stage_run,
        seed,
    )
