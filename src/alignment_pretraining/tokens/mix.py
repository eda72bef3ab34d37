"""Build the mix folder of one arm at one stage: the stream, where its documents stand, and its manifest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.errors import UserError
from alignment_pretraining.tokens.files import whole_file
from alignment_pretraining.tokens.manifest import account, contaminated_summary, flagged_summary
from alignment_pretraining.tokens.mixture import CORPUS, MCQA, REPLACEMENT, SYNTHETIC, Mixture, Recipe, plan
from alignment_pretraining.tokens.pieces import ends
from alignment_pretraining.tokens.shards import Shard, read_ids, read_shard, write_shard


def write_mix(
    tokens: Path, flags: pd.DataFrame, contamination: pd.DataFrame, recipe: Recipe, discourse: str, folder: Path
) -> dict[str, Any]:
    """Write the stream of `recipe.tokens` tokens to `folder`, and return its manifest.

    `tokens` holds one shard folder a source; `flags` the columns id, flagged, categories for every corpus document;
    `contamination` the columns source, id, split for documents that quote a question; `discourse` names the source of
    synthetic documents. `folder` receives tokens.ds with index and metadata, and
    documents.parquet: start, end, source, id, skip (tokens left out at the document's head), in order.

    Raises:
        UserError: see `plan`; the flags are not those of this corpus; a shard is truncated.
    """
    folders = {CORPUS: "corpus", REPLACEMENT: "corpus", MCQA: "mcqa", SYNTHETIC: discourse}
    # Without synthetic documents any shard will do in their place: nothing is drawn from it.
    folders = {source: name if name != "none" else "mcqa" for source, name in folders.items()}
    shards = {source: read_shard(tokens / name) for source, name in folders.items()}
    ids = {source: read_ids(tokens / name) for source, name in folders.items()}
    is_flagged, categories = _align(flags, ids[CORPUS], tokens)
    lengths = {source: shard.lengths for source, shard in shards.items()}
    mixture = plan(recipe, lengths, is_flagged)
    names = {CORPUS: "corpus", REPLACEMENT: "replacement", MCQA: "mcqa", SYNTHETIC: discourse}

    shard = shards[CORPUS]
    write_shard(folder, _stream(mixture, shards), shard.tokens.dtype, shard.tokenizer)
    documents = _documents(mixture, ids, names)
    with whole_file(folder / "documents.parquet") as stream:
        documents.to_parquet(stream, index=False)
    used = [source for source in names if names[source] != "none"]
    return {
        "stage": recipe.stage,
        "seed": recipe.seed,
        "tokens": recipe.tokens,
        "tokenizer": shard.tokenizer,
        "share": {
            names[source]: {"target": target, "reached": _tokens(mixture, source) / recipe.tokens}
            for source, target in ((MCQA, recipe.mcqa_share), (SYNTHETIC, recipe.synthetic_share))
            if source in used
        },
        "contaminated": contaminated_summary(documents, contamination),
        "flagged": flagged_summary(mixture, categories, is_flagged) | {"replaced": recipe.filtered},
        "sources": {names[s]: account(s, recipe, mixture, lengths[s], is_flagged) for s in used},
    }


def _align(flags: pd.DataFrame, ids: np.ndarray, tokens: Path) -> tuple[np.ndarray, list[str]]:
    """Flag and categories of each corpus document, in the order of the shard."""
    aligned = flags.set_index("id").reindex(ids)
    if len(flags) != len(ids) or aligned["flagged"].isna().any():
        raise UserError(f"the flags are not those of the documents in {tokens}: run the mixing pipeline again")
    return aligned["flagged"].to_numpy(dtype=bool), aligned["categories"].tolist()


def _stream(mixture: Mixture, shards: dict[int, Shard]) -> Iterator[np.ndarray]:
    """The token ids of one piece after the other."""
    first = shards[CORPUS]
    eos = first.tokens[first.ends[0] - 1]  # every document ends in it
    begins = {source: shard.ends - shard.lengths for source, shard in shards.items()}
    for piece in mixture.pieces:
        source = int(piece["source"])
        start = int(begins[source][piece["document"]] + piece["skip"])
        ids = shards[source].tokens[start : start + int(piece["length"])]
        if piece["closed"]:
            ids = np.array(ids)
            ids[-1] = eos
        yield ids


def _documents(mixture: Mixture, ids: dict[int, np.ndarray], names: dict[int, str]) -> pd.DataFrame:
    pieces = mixture.pieces
    return pd.DataFrame(
        {
            "start": pieces["start"],
            "end": ends(pieces),
            "source": [names[source] for source in pieces["source"].tolist()],
            "id": [ids[int(piece["source"])][piece["document"]] for piece in pieces],
            "skip": pieces["skip"],
        }
    )


def _tokens(mixture: Mixture, source: int) -> int:
    return int(mixture.pieces["length"][mixture.pieces["source"] == source].sum())
