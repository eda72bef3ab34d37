"""Documents to token shards."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alignment_pretraining.core.shards import IdWriter, token_dtype, write_shard
from alignment_pretraining.execution.store import TaskStatistics
from alignment_pretraining.mixing.corpus.parts import Part, batches
from alignment_pretraining.mixing.tokens.encoders import encoder
from alignment_pretraining.mixing.tokens.tokenizer import end_of_text, tokenizer_hash

NAME = "tokens.ds"


def encode_part(tokenizer: Path, part: Part, folder: Path) -> TaskStatistics:
    """Write the shard of a part's texts, each ended by the end-of-text token, and their ids; tells its size."""
    encode = encoder(tokenizer)
    dtype, eos = token_dtype(encode.vocab_size), encode.id_of(end_of_text(tokenizer))
    ids = IdWriter(folder / NAME)

    def encoded() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for keys, texts in batches(part.path):
            ids.add(keys)
            tokens, counts = encode(texts)
            yield np.insert(tokens.astype(dtype), np.cumsum(counts), eos), counts + 1

    told = write_shard(folder / NAME, encoded(), dtype, f"tokenizer@{tokenizer_hash(tokenizer)}")
    ids.close()
    return told
