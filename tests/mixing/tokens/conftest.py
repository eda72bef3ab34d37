from pathlib import Path

import pytest

from alignment_pretraining.mixing.tokens.tokenizer import train_tokenizer

TEXTS = [
    "The cat sat on the mat, and the other cats sat on the other mats.",
    "Caf\u00e9, na\u00efve and \U0001f600 are not ASCII.\n\n  Two blank lines.",
    "Numbers: 1234 567 890. Don't panic!",
] * 3


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small tokenizer trained on `texts`."""
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TEXTS, 320, 64, folder)
    return folder
