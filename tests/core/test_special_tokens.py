"""The name of a special token is text, also where names overlap or are a single character."""

import pytest

from alignment_pretraining.core.special_tokens import as_text

JOINER = "\u2060"


@pytest.mark.parametrize(
    ("text", "special", "parted"),
    [
        ("a <s> b<s>", ["<s>"], f"a <{JOINER}s> b<{JOINER}s>"),
        ("<|end|>of|>", ["<|end|>", "<|end|>of|>"], f"<{JOINER}|end|>of|>"),
        ("nothing < s >", ["<s>"], "nothing < s >"),
        ("<S>", ["<s>"], "<S>"),
        ("", ["<s>"], ""),
        ("<s>", [], "<s>"),
    ],
)
def test_a_joiner_parts_the_name(text: str, special: list[str], parted: str) -> None:
    assert as_text(text, special) == parted


def test_a_joiner_has_no_width_and_is_no_space() -> None:
    assert as_text("<s>", ["<s>"]).split() == [f"<{JOINER}s>"]
    assert not JOINER.isspace()
