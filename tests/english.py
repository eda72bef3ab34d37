"""The configuration of the environment `english`: real English, as Kedro merges it over the base."""

from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"


def english(key: str) -> Any:
    """The value of a top-level parameter, which is the caller's own."""
    value = OmegaConf.to_container(_merged())
    assert isinstance(value, dict)
    return value[key]


@cache
def _merged() -> Any:
    files = [file for env in ("base", "english") for file in sorted((CONF / env).glob("*.yml"))]
    return OmegaConf.merge(
        *(OmegaConf.load(file) for file in files if not file.name.startswith(("catalog", "blocklist")))
    )
