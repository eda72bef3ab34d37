"""Fixtures of the report's tests."""

from collections.abc import Callable
from typing import Any

import pytest

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.reporting.claims import Claims
from alignment_pretraining.reporting.scope import Scope, scope_of
from alignment_pretraining.study import Study
from tests.reporting.made_up import Tables, read_conf


@pytest.fixture(scope="session")
def study() -> dict[str, Any]:
    """The default study: four arms, two base seeds, one post-training seed."""
    study: dict[str, Any] = read_conf("study.yml", "study")
    return study


@pytest.fixture(scope="session")
def evaluation() -> dict[str, Any]:
    """The default evaluation, with a second persona for chat models."""
    evaluation: dict[str, Any] = read_conf("parameters_evaluation.yml", "evaluation")
    evaluation["run"]["chat_personas"] = ["none", "hhh"]
    return evaluation


@pytest.fixture(scope="session")
def claims() -> Claims:
    """The paper's values."""
    return Claims.model_validate(read_conf("claims.yml", "claims"))


@pytest.fixture(scope="session")
def make_scope(study: dict[str, Any], evaluation: dict[str, Any]) -> Callable[..., Scope]:
    """Scope of the default study with other values, and with `asked` in place of values of `evaluation.run`."""

    def make(asked: dict[str, Any] | None = None, **changes: Any) -> Scope:
        told = {**evaluation, "run": {**evaluation["run"], **(asked or {})}}
        return scope_of(Study.model_validate({**study, **changes}), Evaluation.model_validate(told))

    return make


@pytest.fixture(scope="session")
def scope(make_scope: Callable[..., Scope]) -> Scope:
    """Scope of the default study."""
    return make_scope()


@pytest.fixture(scope="session")
def make_tables(
    evaluation: dict[str, Any],
    claims: Claims,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Tables]:
    """Tables of a study with made-up items."""

    def make(study: dict[str, Any], **changes: Any) -> Tables:
        return Tables(study, {**evaluation, **changes}, claims, tmp_path_factory.mktemp("figures"))

    return make


@pytest.fixture(scope="session")
def tables(study: dict[str, Any], make_tables: Callable[..., Tables]) -> Tables:
    """Tables of the default study."""
    return make_tables(study)


@pytest.fixture(scope="session")
def page(tables: Tables) -> str:
    """The report of the default study."""
    return tables.report()
