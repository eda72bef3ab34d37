"""What is wrong in the parameters of mixing is told by file and key."""

from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.filtering.blocklist import Blocklist


def test_wrong_parameters_name_file_and_key() -> None:
    corpus: dict[str, Any] = {"seed": 0, "natural_discourse_share": 2, "heldout_share": 0, "repeat": False}
    corpus["sources"] = [{"folder": "x"}, {"files": "x.jsonl", "test": "body"}]
    with pytest.raises(UserError) as error:
        parse(CorpusConfig, corpus, "conf/<env>/parameters_mixing.yml", "corpus")
    assert str(error.value).splitlines() == [
        "conf/<env>/parameters_mixing.yml: 3 to correct:",
        "  corpus.sources.0: a source has one of the keys packages, files, dataset, stories",
        "  corpus.sources.1.files.test: unknown key; allowed here: pool, max_bytes, files, text, id",
        "  corpus.natural_discourse_share: Input should be less than 1 (got 2)",
    ]
    with pytest.raises(UserError, match=r"blocklist\.yml: 1 to correct:\n  blocklist\.x\.mode"):
        parse(Blocklist, {"x": {"doc": "", "mode": "two-stage", "terms": ["a"]}}, "blocklist.yml", "blocklist")
    with pytest.raises(UserError, match=r"execution: launcher is slurm, and slurm is missing"):
        parse(Execution, {"launcher": "slurm"}, "parameters_mixing.yml", "execution")
