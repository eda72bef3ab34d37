"""What cards are written from: the finished study, its tables and records."""

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alignment_pretraining.core.environments import with_env
from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import Record, read_record
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.contents import Contents, Repository
from alignment_pretraining.publishing.licences import Licence, licences
from alignment_pretraining.publishing.proof import Proof
from alignment_pretraining.reporting.page import SMALL
from alignment_pretraining.study import Study

_TEMPLATES = Path(__file__).parent / "templates"
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


@dataclass(frozen=True)
class Facts:
    """The study that is published for `owner`, with all that its cards say."""

    graph: Graph
    parameters: Parameters
    contents: Contents
    proof: Proof
    owner: str

    @property
    def study(self) -> Study:
        """Arms, stages and seeds."""
        return self.parameters.study

    @property
    def small(self) -> bool:
        """Whether the models are so small that they are no evidence about large ones."""
        return parameter_count(self.study.model) < SMALL

    @property
    def own_texts(self) -> bool:
        """Whether the corpus has files of the authors, which others do not have."""
        return any(name.startswith("files:") for name in self.parameters.corpus.reads())

    @cached_property
    def licences(self) -> list[Licence]:
        """Those of all that models read."""
        return list(licences(self.parameters))

    def id(self, repository: Repository | None) -> str | None:
        """A repository's full name on the hub."""
        return f"{self.owner}/{repository.name}" if repository else None

    def table(self, name: str) -> pd.DataFrame:
        """A table of the report; an empty one where the study has none."""
        made = name in self.graph.makers and self.graph.digest(name)
        return self.graph.catalog.load(name) if made else pd.DataFrame()

    def record(self, dataset: str) -> Record:
        """The record of what made a dataset. All have one: that was proved."""
        record = read_record(self.graph, self.graph.makers[dataset])
        assert record is not None
        return record

    def render(self, template: str, **values: Any) -> str:
        """A card's Markdown."""
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters["cell"] = cell
        environment.filters["count"] = lambda number: f"{number:,}"
        told = {
            "facts": self,
            "study": self.study,
            "proof": self.proof,
            "graph": self.graph,
            "version": metadata("alignment-pretraining")["Version"],
            "command": lambda text: with_env(text, self.graph.env),
            "documents": self.id(self.contents.find("documents")),
            "chat": self.id(self.contents.find("chat")),
            "suite": self.id(self.contents.find("suite")),
            "results": self.id(self.contents.find("results")),
        }
        return environment.get_template(template).render(told | values)


def cell(value: Any) -> str:
    """A value in a table of Markdown, on one line."""
    return " ".join(str(value).replace("|", "\\|").split())


def size_category(rows: int) -> str:
    """How the hub calls a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "n>10M")
