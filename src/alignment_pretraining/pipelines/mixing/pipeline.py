"""Base corpus, keyword filter, tokenizer, token shards, and one mix for each stage that is trained."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.mixing import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study


def create_pipeline(study: Study) -> Pipeline:
    """The shared corpus nodes, and a mix for each (arm, seed, base stage) that the study trains."""
    mixes = [_mix(link, seed) for link in study.base_links() for seed in study.seeds.base]
    return Pipeline([*_corpus(), *mixes], tags="mixing")


def _corpus() -> list[Node]:
    sources = ["corpus_documents", "documents_aligned", "documents_misaligned", "mcqa"]
    tasks = ["params:execution", "scratch"]
    return [
        _node(
            nodes.read_corpus,
            ["params:corpus", "natural_discourse", *tasks],
            ["corpus_documents", "heldout_documents", "quarantine", "corpus_reading"],
        ),
        _node(
            nodes.flag_documents,
            ["corpus_documents", "corpus_reading", "params:blocklist", *tasks],
            ["flags", "corpus_account"],
        ),
        _node(nodes.measure_filter, ["passages", "corpus_account", "params:blocklist"], "filter_quality"),
        _node(
            nodes.check_contamination,
            [*sources, "questions", "params:decontamination", *tasks],
            "contamination",
        ),
        _node(
            nodes.train_tokenizer,
            ["corpus_documents", "params:study.model", "params:tokenizer", "scratch"],
            "tokenizer",
        ),
        _node(
            nodes.tokenize_sources,
            [*sources, "heldout_documents", "tokenizer", *tasks],
            ["tokens", "heldout_tokens"],
        ),
    ]


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    return node(function, inputs, outputs, name=function.__name__, namespace="corpus")


def _mix(link: Link, seed: int) -> Node:
    label = f"{link.arm}.seed{seed}.{link.stage}"
    return link_node(
        "mix",
        bind(nodes.build_mix, stage_name=link.stage, seed=seed, label=label),
        {
            "tokens": "tokens",
            "flags": "flags",
            "contamination": "contamination",
            "arm": f"params:study.arms.{link.arm}",
            "stage": f"params:study.stages.{link.stage}",
            "repeat": "params:corpus.repeat",
            "execution": "params:execution",
            "scratch": "scratch",
        },
        [link.dataset(seed, "mix"), link.dataset(seed, "manifest")],
        link,
        seed,
    )
