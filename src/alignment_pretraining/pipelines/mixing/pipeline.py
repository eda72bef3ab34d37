"""Base corpus, keyword filter, tokenizer, token shards, and one mix for each stage that is trained."""

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.mixing import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study


def create_pipeline(study: Study) -> Pipeline:
    """The shared corpus nodes, and a mix for each (arm, seed, base stage) that the study trains."""
    mixes = [_mix(link, seed) for link in study.base_links() for seed in study.seeds.base]
    return Pipeline([*_corpus(), *mixes], tags="mixing")


def _corpus() -> list[Node]:
    sources = ["corpus_documents", "documents_aligned", "documents_misaligned", "mcqa", "heldout_documents"]
    return [
        node(
            nodes.read_base_corpus,
            "params:corpus",
            ["base_documents", "quarantine"],
            name="read_base_corpus",
            namespace="corpus",
        ),
        node(
            nodes.assemble_corpus,
            ["base_documents", "natural_discourse", "params:corpus"],
            ["corpus_documents", "heldout_documents"],
            name="assemble_corpus",
            namespace="corpus",
        ),
        node(
            nodes.flag_documents,
            ["corpus_documents", "params:blocklist"],
            "flags",
            name="flag_documents",
            namespace="corpus",
        ),
        node(
            nodes.check_contamination,
            [*sources[:-1], "questions", "params:decontamination"],
            "contamination",
            name="check_contamination",
            namespace="corpus",
        ),
        node(
            nodes.train_tokenizer,
            ["corpus_documents", "params:study.model", "scratch"],
            "tokenizer",
            name="train_tokenizer",
            namespace="corpus",
        ),
        node(
            nodes.tokenize_sources,
            [*sources, "tokenizer", "scratch"],
            ["tokens", "heldout_tokens"],
            name="tokenize_sources",
            namespace="corpus",
        ),
    ]


def _mix(link: Link, seed: int) -> Node:
    return link_node(
        "mix",
        bind(nodes.build_mix, stage_name=link.stage, seed=seed),
        {
            "tokens": "tokens",
            "flags": "flags",
            "contamination": "contamination",
            "arm": f"params:study.arms.{link.arm}",
            "stage": f"params:study.stages.{link.stage}",
            "repeat": "params:corpus.repeat",
            "scratch": "scratch",
        },
        [link.dataset(seed, "mix"), link.dataset(seed, "manifest")],
        link,
        seed,
    )
