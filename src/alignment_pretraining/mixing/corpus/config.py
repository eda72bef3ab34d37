"""What `corpus` in `conf/<env>/parameters_mixing.yml` may say."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

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


class Files(_Source):
    """JSONL (plain, .gz or .zst) or Parquet files: a path, glob or fsspec URL. Without `id`, rows are numbered."""

    files: str
    text: str = "text"
    id: str | None = None

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return self.files


class HubDataset(_Source):
    """A dataset on the Hugging Face hub, or a local folder that `datasets` can load, read as a stream."""

    dataset: str
    config: str | None = None
    split: str = "train"
    text: str = "text"
    id: str | None = None

    @property
    def label(self) -> str:
        """What the source is called in tables."""
        return self.dataset


_KINDS = ("packages", "files", "dataset")


def _kind(source: Any) -> str | None:
    """The key that tells the kind of a source."""
    return next((key for key in _KINDS if (key in source if isinstance(source, dict) else hasattr(source, key))), None)


Source = Annotated[
    Annotated[Packages, Tag("packages")] | Annotated[Files, Tag("files")] | Annotated[HubDataset, Tag("dataset")],
    Discriminator(
        _kind,
        custom_error_type="source",
        custom_error_message=f"a source has one of the keys {', '.join(_KINDS)}",
    ),
]


class CorpusConfig(Spec):
    """The base corpus. `natural_discourse_share` is a share of its bytes, `heldout_share` one of its documents.

    A document of more than `max_document_bytes` is kept out. Work is cut into parts of about `part_bytes` of text.
    """

    seed: int
    sources: list[Source] = Field(min_length=1)
    natural_discourse_share: Share
    heldout_share: Share
    repeat: bool
    max_document_bytes: Positive = 10_000_000
    part_bytes: Positive = 64_000_000
