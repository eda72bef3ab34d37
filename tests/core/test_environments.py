"""Where an environment's results lie, and how its commands are typed."""

from pathlib import Path

import pytest

from alignment_pretraining.core.environments import data_folder, environment, environment_folder, with_env


@pytest.mark.parametrize("env", [None, "", "base", "local"])
def test_base_and_local_are_the_project_itself(env: str | None) -> None:
    assert environment(env) == "base"
    assert environment_folder(env) == Path()
    assert data_folder(env) == Path("data")
    assert with_env("kedro run", env) == "kedro run"


def test_any_other_environment_has_a_folder() -> None:
    assert data_folder("gpu") == Path("environments/gpu/data")
    assert with_env("kedro run", "gpu") == "kedro run --env gpu"
