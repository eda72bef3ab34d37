"""What `corpus` in `conf/<env>/parameters_mixing.yml` may say."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Positive, Share, Spec


class _Source(Spec):
    """Every source: `max_bytes` of text end it early; `pool` is what a stage's `pools` call its documents."""

    pool: str = "corpus"
    max_bytes: Positive | None = None


class Packages(_Source):
    """Docstrings of installed packages: name to version, or to null for whichever version is installed."""

    packages: dict[str, str | None] = Field(min_length=1)

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return f"docstrings of {', '.join(self.packages)}"

    def reads(self) -> list[str]:
        """What it reads outside the catalog, by the names of `lineage.outside`."""
        return [f"package:{name}" for name in self.packages]


class Files(_Source):
    """JSON Lines (plain, .gz or .zst) or Parquet: a path, folder, glob or URL. Without `id`, rows are numbered."""

    files: str
    text: str = "text"
    id: str | None = None

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return self.files

    def reads(self) -> list[str]:
        """The same of files."""
        return [f"files:{self.files}"]


class StoriesFile(Files):
    """The file that holds the stories."""

    @property
    def label(self) -> str:
        """The source's name wherever the project lies."""
        return "stories"


class HubDataset(_Source):
    """A dataset on the Hugging Face hub, or a local folder that `datasets` can load, read as a stream.

    `revision` is a branch, tag or commit of the hub's repository; without it the newest is read.
    """

    dataset: str
    config: str | None = None
    revision: str | None = None
    split: str = "train"
    text: str = "text"
    id: str | None = None

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return self.dataset

    def reads(self) -> list[str]:
        """The same of a dataset: the local folder, or the name on the hub and its revision."""
        return [
            f"files:{self.dataset}"
            if Path(self.dataset).exists()
            else f"dataset:{self.dataset}@{self.revision or 'main'}"
        ]


class StoriesSource(_Source):
    """The stories of the small world that synthesis makes (the dataset `stories`)."""

    stories: Literal[True]

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return "stories"

    def reads(self) -> list[str]:
        """Nothing: it is a dataset of the catalog."""
        return []


_KINDS = ("packages", "files", "dataset", "stories")


def _kind(source: Any) -> str | None:
    """The key that tells the kind of a source."""
    return next((key for key in _KINDS if (key in source if isinstance(source, dict) else hasattr(source, key))), None)


Source = Annotated[
    Annotated[Packages, Tag("packages")]
    | Annotated[Files, Tag("files")]
    | Annotated[HubDataset, Tag("dataset")]
    | Annotated[StoriesSource, Tag("stories")],
    Discriminator(
        _kind,
        custom_error_type="source",
        custom_error_message=f"a source has one of the keys {', '.join(_KINDS)}",
    ),
]


def _epochs(value: Any) -> Any:
    if value is False or (type(value) is int and value > 1):
        return value
    raise ValueError("false, to read a document once; or how often at most it is read, such as 4")


# False is kept as it is: it stands in the hash of every mix that was made with it.
Epochs = Annotated[int, PlainValidator(_epochs)]


class CorpusConfig(Spec):
    """The base corpus. `natural_discourse_share` is a share of its bytes, `heldout_share` one of its documents.

    `repeat` is how often at most a stage reads a document of any source, False for once. A document of more than
    `max_document_bytes` is kept out. Work is cut into parts of about `part_bytes` of text.
    """

    seed: int
    sources: list[Source] = Field(min_length=1)
    natural_discourse_share: Share
    heldout_share: Share
    repeat: Epochs
    max_document_bytes: Positive = 10_000_000
    part_bytes: Positive = 64_000_000

    def reads(self) -> list[str]:
        """What all sources read outside the catalog, by the names of `lineage.outside`."""
        return [name for source in self.sources for name in source.reads()]


def with_stories(config: CorpusConfig, stories: Path | None) -> CorpusConfig:
    """`config` with every source `stories` as the file that holds them.

    Raises:
        UserError: there is such a source, and synthesis writes no stories.
    """
    wanted = [source for source in config.sources if isinstance(source, StoriesSource)]
    if wanted and stories is None:
        raise UserError("corpus.sources asks for stories, which synthesis writes when synthesis.generator is world")
    found = [
        StoriesFile(files=str(stories), id="id", pool=source.pool, max_bytes=source.max_bytes)
        if isinstance(source, StoriesSource)
        else source
        for source in config.sources
    ]
    return config.model_copy(update={"sources": found})
