"""Environments: each is a whole study, `conf/<env>` on top of `conf/base`, with a folder of its own for its results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError, did_you_mean
from alignment_pretraining.core.yaml_files import read_yaml

BASE = "base"
LOCAL = "local"  # a user's own values on top of base, read when no environment is named: no study of its own
NO_PARAMETERS = ("catalog", "credentials", "logging")


def environment(env: str | None) -> str:
    """The environment whose results are meant: `base` for none and for `local`."""
    return BASE if env in (None, "", LOCAL) else str(env)


def environment_folder(env: str | None) -> Path:
    """Folder of an environment's `dvc.yaml`, `dvc.lock`, `metrics.json` and `data`, relative to the project: for
    base, the project's own."""
    name = environment(env)
    return Path() if name == BASE else Path("environments", name)


def data_folder(env: str | None) -> Path:
    """Folder of everything that an environment's pipelines make, relative to the project."""
    return environment_folder(env) / "data"


def with_env(command: str, env: str | None) -> str:
    """A command as it is typed for an environment."""
    name = environment(env)
    return command if name == BASE else f"{command} --env {name}"


def environments(conf: Path) -> list[str]:
    """Names of the environments that there are."""
    names = [folder.name for folder in conf.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return sorted({environment(name) for name in names})


def parameter_files(conf: Path, env: str | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The files that hold parameters of `env` with their content, base before the environment."""
    for folder in dict.fromkeys((BASE, env or LOCAL)):
        for file in sorted((conf / folder).rglob("*.yml")):
            content = read_yaml(file)
            if isinstance(content, Mapping) and not file.name.startswith(NO_PARAMETERS):
                yield file, content


def check_environment(conf: Path, env: str | None) -> None:
    """Refuse the name of an environment that `conf` does not have.

    Raises:
        UserError: it has none of that name; the message has those that there are.
    """
    if env and not (conf / env).is_dir():
        known = environments(conf)
        raise UserError(
            f"{conf.name}/{env}: no such environment{did_you_mean(env, known)}; there are {', '.join(known)}"
        )
