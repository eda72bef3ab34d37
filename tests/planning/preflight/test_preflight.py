"""A study that would not reach its end is told so, with what is short and the setting, before anything runs."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from kedro.framework import project as kedro_project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf

from alignment_pretraining.context import EnvironmentConfigLoader, StudyContext
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.encoders import PlainEncoder
from alignment_pretraining.mixing.tokens.tokenizer import train_tokenizer
from alignment_pretraining.parameters import Parameters, Preflight
from alignment_pretraining.planning.preflight.amounts import TOLERANCE, Need
from alignment_pretraining.planning.preflight.check import from_pipeline, needs_of, refuse_short, table
from alignment_pretraining.planning.preflight.supply import Supply
from alignment_pretraining.planning.preflight.text import Tokenizing
from alignment_pretraining.preflight import PreflightHooks
from alignment_pretraining.settings import CONFIG_LOADER_ARGS
from tests.conftest import PROJECT

FOLDERS = {name: PROJECT / "data/01_raw" / name for name in ("scenarios", "phrases", "world")}
Change = dict[str, Any]


@cache
def written(env: str) -> dict[str, Any]:
    """The parameters of an environment as they are written."""
    loader = EnvironmentConfigLoader(str(PROJECT / "conf"), env, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    return dict(loader["parameters"])


@cache
def shipped(env: str) -> Parameters:
    """The specification of an environment as it is."""
    return Parameters.model_validate(written(env))


def parameters(env: str, changes: Change | None = None) -> Parameters:
    if not changes:
        return shipped(env)
    merged: Any = OmegaConf.to_container(OmegaConf.merge(written(env), changes))
    return Parameters.model_validate(merged)


def needs(env: str, changes: Change | None = None) -> list[Need]:
    """All but what is true of the machine that runs the tests."""
    found = needs_of(parameters(env, changes), FOLDERS.__getitem__, PROJECT / "data")
    assert {need.what for need in found if need.here} == {"disk", "open files"}
    return [need for need in found if not need.here]


@pytest.mark.parametrize("env", ["base", "english", "gpu", "node", "paper"])
def test_every_environment_of_the_project_passes(env: str) -> None:
    found = needs(env)
    refuse_short(found, env)
    assert {need.pipeline for need in found} >= {"mixing", "pretraining"}
    assert table(found).row_count == len(found)


SHORT: list[tuple[str, Change, list[str]]] = [
    (
        "gpu",
        {
            "synthesis": {"documents": {"count": 1600}, "mcqa": {"count": 400}},
            "study": {"stages": {"sft": {"conversations": 601}, "dpo": {"batch_size": 1600}}},
            "evaluation": {"batch_size": 10_000},
        },
        [
            r"pretraining: documents of each of ai_aligned, ai_misaligned: needs 22M.*synthesis\.documents\.count",
            r"midtraining: multiple choice: needs 4\.4M tokens.*raise synthesis\.mcqa\.count.*corpus\.repeat",
            r"sft: conversations: needs 601 rows, there are 600 rows .*synthesis\.conversations\.count",
            r"dpo: memory of a GPU: .*lower post_training\.micro_batch",
            r"eval: memory of a GPU: .*evaluation\.batch_size",
        ],
    ),
    (
        "paper",
        {
            "training": {"heldout_tokens": 8192},
            "corpus": {"repeat": False},
            "preflight": {"holds": {"dclm": 1e11, "mcqa": 5e8}},
            "post_training": {"parallel": "ddp"},
        },
        [
            r"held-out tokens, for one context: needs 16,384 tokens, there are 8,192 .*raise training\.heldout_tokens",
            r"pretraining: corpus, pool dclm: needs 500B .*preflight\.holds\.dclm",
            r"midtraining: multiple choice: needs 1B tokens",
            "sft: memory of a GPU: .*parallel: fsdp.*leave seeds.post_training empty",
            "dpo: memory of a GPU",
        ],
    ),
    (
        "base",
        {"study": {"stages": {"pretraining": {"tokens": 4_096_000}}}},
        ["pretraining: corpus: needs 4.1M tokens"],
    ),
]


@pytest.mark.parametrize(("env", "changes", "short"), SHORT)
def test_what_is_short_is_named_with_its_setting(env: str, changes: Change, short: list[str]) -> None:
    with pytest.raises(UserError, match=rf"conf/{env}: this study would not reach its end; \d+ short:\n") as error:
        refuse_short(needs(env, changes), env)
    for pattern in short:
        assert re.search(pattern, str(error.value)), error.value


def test_what_nobody_knows_yet_is_no_shortfall() -> None:
    without = parameters("paper").model_copy(update={"preflight": Preflight()})
    found = needs_of(without, FOLDERS.__getitem__, PROJECT)
    unknown = [need for need in found if need.verdict == "not known yet"]
    assert {need.pipeline for need in unknown} == {"mixing", "post_training"} and len(unknown) > 5
    refuse_short(unknown, "paper")


@contextmanager
def hooked(changes: Change) -> Iterator[tuple[PreflightHooks, StudyContext]]:
    """The hooks of a run of the smallest study with other parameters, and its context."""
    bootstrap_project(PROJECT)
    with KedroSession.create(PROJECT, env="test", runtime_params=changes, save_on_close=False) as session:
        assert isinstance(session, KedroSession)
        context = session.load_context()
        assert isinstance(context, StudyContext)
        kedro_project.pipelines.configure("alignment_pretraining.pipeline_registry")
        hooks = PreflightHooks()
        hooks.after_context_created(context)
        yield hooks, context


def test_a_run_is_refused_by_what_comes_after_it_and_not_by_what_is_done() -> None:
    short = {"study": {"stages": {"midtraining": {"mcqa_share": 0.5}}}}
    with hooked(short) as (hooks, context):
        for name in ("synthesis", "mixing"):
            with pytest.raises(UserError, match=r"conf/test: .*\n  midtraining: multiple choice: needs 8,192 tokens"):
                hooks.before_pipeline_run(kedro_project.pipelines[name], context.catalog)
        hooks.before_pipeline_run(kedro_project.pipelines["pretraining"], context.catalog)
    assert from_pipeline(needs("test"), "eval") == []


def test_a_benchmark_that_could_not_be_given_refuses_the_runs_that_give_it() -> None:
    wanted = {"capability": {"tasks": {"popqa": {"shots": 5, "metric": "contains", "folder": "none"}}}}
    with hooked(wanted) as (hooks, context):
        for name in ("__default__", "eval"):
            with pytest.raises(UserError, match=r"^capability\.tasks\.popqa\.folder: none is no folder$"):
                hooks.before_pipeline_run(kedro_project.pipelines[name], context.catalog)
        hooks.before_pipeline_run(kedro_project.pipelines["mixing"], context.catalog)


def test_tokens_are_estimated_within_the_tolerance(tmp_path: Path) -> None:
    """Words exactly; byte pairs of several vocabularies against tokenizers trained on the same texts."""
    samples: dict[str, Callable[[Supply], list[str]]] = {
        "base": lambda supply: [*supply._sample_stories, *supply._sample_documents],
        "english": lambda supply: supply._sample_documents,
    }
    for env, kind, entries in (("base", "words", 512), ("english", "bpe", 512), ("english", "bpe", 2048)):
        texts = samples[env](Supply(parameters(env), FOLDERS.__getitem__))
        folder = tmp_path / f"{kind}{entries}"
        train_tokenizer(texts, entries, 128, folder, kind)  # type: ignore[arg-type]
        tokens, counts = PlainEncoder(folder)(texts)
        real, estimated = len(tokens) / len(counts) + 1, Tokenizing(kind == "words", entries).mean(texts)
        if kind == "words":
            assert estimated == real
        else:
            assert 1 / TOLERANCE < estimated / real < TOLERANCE
