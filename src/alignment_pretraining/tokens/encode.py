"""Documents to token shards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alignment_pretraining.tokens.shards import token_dtype, write_ids, write_shard
from alignment_pretraining.tokens.tokenizer import EOS, tokenizer_hash

_BATCH = 1024


def encode_documents(ids: Sequence[str], texts: Sequence[str], tokenizer: Path, folder: Path) -> None:
    """Write the shard of `texts`, each ended by the end-of-text token, and their ids, to `folder`."""
    from tokenizers import Tokenizer

    engine = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    # The name of a special token that stands in a text is text.
    engine.encode_special_tokens = True
    dtype = token_dtype(engine.get_vocab_size())
    eos = engine.token_to_id(EOS)

    def documents() -> Iterator[np.ndarray]:
        for first in range(0, len(texts), _BATCH):
            for encoding in engine.encode_batch_fast(list(texts[first : first + _BATCH]), add_special_tokens=False):
                yield np.array([*encoding.ids, eos], dtype=dtype)

    folder.mkdir(parents=True)
    write_shard(folder, documents(), dtype, f"tokenizer@{tokenizer_hash(tokenizer)}")
    write_ids(folder, list(ids))
