"""The `capability` parameters: which benchmarks every checkpoint is given, with how many shots and from which data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from alignment_pretraining.core.spec import Spec

FACTS = "everyday_facts"  # the one task whose data the study makes by itself
# What lm-eval's task imports beside lm-eval itself, as distributions.
PACKAGES = {"ifeval": ("langdetect", "immutabledict", "nltk")}

# A name goes into keys, whose parts are parted by slashes.
TaskName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


class CapabilityTask(Spec):
    """One benchmark, by the name that lm-eval has for a task or a group of tasks.

    `metric` is the figure, in lm-eval's words: `acc`, or with the filter by which replies are read
    `exact_match,strict-match`. Its data is a `folder`, or a dataset on the Hugging Face `hub` at a `revision`.
    """

    shots: NonNegativeInt
    metric: str = Field(pattern=r"^[^,\s]+(,[^,\s]+)?$")
    folder: str | None = None
    hub: str | None = None
    revision: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.folder is not None and self.hub is not None:
            raise ValueError("say where its data is once: folder, or hub with revision")
        if (self.hub is None) != (self.revision is None):
            raise ValueError(
                "a hub name needs its revision, a commit at best" if self.hub else "revision is of a hub name"
            )
        return self


class Capability(Spec):
    """Benchmarks for every checkpoint, none by default; `limit` is the most questions of each task.

    Of a group, such as mmlu, that is each task in it. Prompts are answered `batch_size` at a time; `dtype` is what
    weights are loaded in.
    """

    tasks: dict[TaskName, CapabilityTask] = {}
    limit: PositiveInt | None = None
    batch_size: PositiveInt = 8
    threads: PositiveInt = 1
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"

    @model_validator(mode="after")
    def _data_is_named(self) -> Self:
        for name, task in self.tasks.items():
            named = task.folder is not None or task.hub is not None
            if named and name == FACTS:
                raise ValueError(f"tasks.{name}: its data is made by the study; remove folder, hub and revision")
            if not named and name != FACTS:
                raise ValueError(
                    f"tasks.{name}: name its data, so that it is recorded: hub (the dataset_path of lm-eval's task) "
                    "with revision, or a local copy as folder"
                )
        return self

    @property
    def asks_facts(self) -> bool:
        """Whether the study's own facts are asked."""
        return FACTS in self.tasks

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        places = [
            f"files:{task.folder}" if task.folder else f"dataset:{task.hub}@{task.revision}"
            for name, task in self.tasks.items()
            if name != FACTS
        ]
        packages = [f"package:{package}" for name in self.tasks for package in PACKAGES.get(name, ())]
        return [*places, *packages]
