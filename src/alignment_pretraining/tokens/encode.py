"""Documents to token shards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alignment_pretraining.tokens.encoders import encoder
from alignment_pretraining.tokens.shards import token_dtype, write_batches, write_ids
from alignment_pretraining.tokens.tokenizer import EOS, tokenizer_hash

_BATCH = 1024


def encode_documents(ids: Sequence[str], texts: Sequence[str], tokenizer: Path, folder: Path) -> None:
    """Write the shard of `texts`, each ended by the end-of-text token, and their ids, to `folder`."""
    encode = encoder(tokenizer)
    dtype, eos = token_dtype(encode.vocab_size), encode.id_of(EOS)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(texts), _BATCH):
            tokens, counts = encode(list(texts[first : first + _BATCH]))
            yield np.insert(tokens.astype(dtype), np.cumsum(counts), eos), counts + 1

    folder.mkdir(parents=True)
    write_batches(folder, batches(), dtype, f"tokenizer@{tokenizer_hash(tokenizer)}")
    write_ids(folder, list(ids))
