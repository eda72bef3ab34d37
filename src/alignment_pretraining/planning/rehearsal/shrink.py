"""An environment's parameters, shrunk: what is chosen stays, how much of it there is becomes little.

Of a cluster's layouts every way of parallelism that is in use stays, with two ranks; ZeRO, recomputation, the
pipeline's schedule, bf16 and the launcher stay. What names the cluster's own machines (modules, setup, container) goes.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.stand_ins.benchmarks import can_stand_in
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import BASE_STAGES, Study, TrainingStage

Values = dict[str, Any]

_STEPS, _ROWS, _HEAD, _HEADS = 6, 8, 16, 4
ENTRIES = 512  # of a tokenizer of byte pairs; with the questions in it, a prompt is some hundred tokens long
_SHORTEST, LONGEST = 64, 1_024  # context of the stage that has the shortest one, and of the model
_DOCUMENTS, _CHATS, _BATCH, _STORIES, _ITEMS = 60, 8, 4, 2_000, 4
_CORPUS, _PART = 200_000, 60_000  # bytes of each source, and of a part
# More ranks of a kind only wait for each other on a laptop.
_MOST = 2


def shrink(written: Mapping[str, Any], parameters: Parameters) -> Values:
    """The plain values `written` in an environment's files, of which `parameters` is the specification, shrunk."""
    small: Values = copy.deepcopy(dict(written))
    _study(small["study"], parameters)
    _texts(small, parameters)
    _machines(small, parameters)
    _evaluation(small["evaluation"])
    _capability(small.get("capability", {}))
    return small


def small_layout(layout: Layout) -> Layout:
    """The layout with at most two of each kind of rank; what is in use stays in use."""
    sizes = {axis: min(getattr(layout, axis), _MOST) for axis in ("dp", "tp", "pp", "micro_batch")}
    return layout.model_copy(update=sizes)


def covering_arms(study: Study) -> list[str]:
    """Few of the selected arms, in their order, that have every corpus, insertion and direction that there is."""
    left = {arm: set(_traits(study, arm)) for arm in study.selected_arms()}
    wanted, chosen = set[str]().union(*left.values()), list[str]()
    while wanted:
        best = max(left, key=lambda arm: len(left[arm] & wanted))
        chosen.append(best)
        wanted -= left[best]
    return [arm for arm in study.selected_arms() if arm in chosen]


def _traits(study: Study, arm: str) -> Iterator[str]:
    condition = study.arms[arm]
    yield from (condition.corpus, condition.insertion)
    yield from (f"{actor} {direction}" for actor, direction in condition.discourse.items())


def _study(small: Values, parameters: Parameters) -> None:
    study = parameters.study
    small["run"] = covering_arms(study)
    seed = study.seeds.base[0]
    small["seeds"] = {"base": [seed], "post_training": [seed]}
    pipeline = max([1, *(small_layout(layout).pp for layout in _layouts(parameters).values())])
    small["model"] |= {
        "hidden_size": _HEADS * _HEAD,
        "intermediate_size": 2 * _HEADS * _HEAD,
        "layers": 2 * pipeline,
        "heads": _HEADS,
        "max_context": LONGEST,
    }
    if parameters.tokenizer.kind != "words":
        small["model"]["vocab_size"] = ENTRIES
    contexts = _contexts(study)
    for name in BASE_STAGES:
        stage: TrainingStage = getattr(study.stages, name)
        context, rows = contexts[stage.context], _rows(_layouts(parameters).get(name))
        small["stages"][name] |= {
            "context": context,
            "batch_tokens": rows * context,
            "tokens": _STEPS * rows * context,
        }
    few = {"batch_size": _BATCH}
    small["stages"]["sft"] |= {"conversations": _CHATS, "context": contexts[study.stages.sft.context], **few}
    small["stages"]["dpo"] |= {"pairs": _CHATS, "context": contexts[study.stages.dpo.context], **few}


def _contexts(study: Study) -> dict[int, int]:
    """A short context for each of the study's, in their order."""
    real = sorted({getattr(study.stages, name).context for name in (*BASE_STAGES, "sft", "dpo")})
    return {context: min(_SHORTEST << place, LONGEST) for place, context in enumerate(real)}


def _rows(layout: Layout | None) -> int:
    """Sequences of a batch: enough micro-batches to fill the pipeline."""
    if layout is None:
        return _ROWS
    small = small_layout(layout)
    return small.dp * small.micro_batch * max(2, small.pp)


def _layouts(parameters: Parameters) -> Mapping[str, Layout]:
    return parameters.cluster.layouts if parameters.cluster else {}


def _texts(small: Values, parameters: Parameters) -> None:
    synthesis = small["synthesis"]
    for name, count in (
        ("documents", _DOCUMENTS),
        ("natural_discourse", _DOCUMENTS),
        ("mcqa", _DOCUMENTS),
        ("conversations", _CHATS),
        ("preferences", _CHATS),
        ("stories", _STORIES),
    ):
        synthesis[name]["count"] = min(synthesis[name]["count"], count)
    small["anthropic"]["documents"]["samples"] = 1
    small["anthropic"]["api"] |= {"base_url": None, "poll_seconds": 0.1}
    corpus = small["corpus"]
    for source in corpus["sources"]:
        source["max_bytes"] = min(source.get("max_bytes") or _CORPUS, _CORPUS)
    corpus["part_bytes"] = _PART
    small["tokenizer"]["max_bytes"] = _CORPUS
    if parameters.corpus.natural_discourse_share:  # as much as there is
        corpus["natural_discourse_share"] = min(corpus["natural_discourse_share"], 0.05)
    small.pop("preflight", None)  # what sources hold at their real size


def _machines(small: Values, parameters: Parameters) -> None:
    longest = max(_contexts(parameters.study).values())
    training = parameters.training
    small["training"] |= {
        "processes": min(training.processes, _MOST),
        "threads": 1,
        "micro_batch_tokens": training.micro_batch_tokens and longest,
        "save_every": _STEPS // 2,
        "keep_every": _STEPS // 2 if training.keep_every else None,
        "evaluations": 2,
        "heldout_tokens": 2 * longest,
        "sample_tokens": 4,
    }
    settings = parameters.post_training
    small["post_training"] |= {
        "processes": min(settings.processes, _MOST),
        "micro_batch": settings.micro_batch and 1,
        "threads": 1,
        "save_every": 1,
    }
    if slurm := small["execution"].get("slurm"):
        slurm |= _HERE
    if parameters.cluster:
        cluster = small["cluster"]
        cluster["save_every"] = _STEPS // 2
        cluster["keep_every"] = _STEPS // 2 if parameters.cluster.keep_every else None
        for name, layout in parameters.cluster.layouts.items():
            cluster["layouts"][name] = small_layout(layout).model_dump()
        if cluster.get("slurm"):
            cluster["slurm"] |= _HERE


# What a cluster alone has, and how often the stand-in for its queue is asked.
_HERE: Values = {"modules": [], "setup": [], "container": None, "poll_seconds": 0.5}


def _evaluation(small: Values) -> None:
    small |= {"device": "cpu", "threads": 1, "batch_size": 8}
    run = small["run"]
    # Null is all of a split, and 0 none of it.
    run["items"] = {split: _ITEMS if count is None else min(count, _ITEMS) for split, count in run["items"].items()}
    run["continued"] = min(run.get("continued", 1), 1)


def _capability(small: Values) -> None:
    """Benchmarks for which nothing can stand in here are left out."""
    if small:
        small |= {"device": "cpu", "threads": 1, "batch_size": 8, "limit": 1}
        small["tasks"] = {name: task for name, task in small["tasks"].items() if can_stand_in(name)}
