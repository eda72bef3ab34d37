"""A tokenizer that there is already: a folder, a `tokenizer.json`, or a repository of the Hugging Face hub.

`tokenizer.json` alone decides the token ids. The files beside it say which token ends a text and how a chat is written.
"""

import json
from pathlib import Path
from typing import Any

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.tokenizer import CHAT_TEMPLATE, CONFIG, END_OF_TURN, EOS, FILE, PAD, ROLES

_SPECIAL, _TEMPLATE = "special_tokens_map.json", "chat_template.jinja"


def use_tokenizer(name: str, revision: str | None, vocab_size: int, max_context: int, folder: Path) -> None:
    """Save the tokenizer `name` to `folder`, with the ids that it has.

    What the study needs and it may lack is added behind its own entries: a padding token and, where it has no chat
    template, ours with its tokens. Limits on the length of a text are taken off.

    Raises:
        UserError: there is no such tokenizer, it does not say which token ends a text, or it has more entries than
            `vocab_size`.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    place = _fetched(name, revision)
    try:
        tokenizer = Tokenizer.from_file(str(place / FILE))
    except Exception as error:  # the library raises nothing narrower
        raise UserError(f"tokenizer.name: {place / FILE} cannot be read ({error})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    roles = {key: value for key, value in _roles(place).items() if tokenizer.token_to_id(value) is not None}
    roles.setdefault("eos_token", _end_of_text(name, tokenizer))
    roles.setdefault("pad_token", PAD)
    template = _chat_template(place)
    added = [] if template else [*(f"<|{role}|>" for role in ROLES), END_OF_TURN]
    tokenizer.add_special_tokens(list(dict.fromkeys([*roles.values(), *added])))
    entries = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if entries > vocab_size:
        raise UserError(
            f"tokenizer.name: {name} has {entries:,} entries, its tokens for padding and chat included, and "
            f"study.model.vocab_size is {vocab_size:,}: raise it to {entries:,} or more"
        )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **roles,
        additional_special_tokens=added,
        chat_template=template or CHAT_TEMPLATE,
        model_max_length=max_context,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


def _fetched(name: str, revision: str | None) -> Path:
    """The folder on this machine that holds the tokenizer's files."""
    path = Path(name)
    if path.name == FILE and path.is_file():
        return path.parent
    if path.is_dir():
        if not (path / FILE).is_file():
            raise UserError(
                f"tokenizer.name: {name} holds no {FILE}; transformers makes one from most other formats: "
                f"AutoTokenizer.from_pretrained({name!r}).save_pretrained(…)"
            )
        return path
    try:
        found = hub.fetch(name, revision or "main", "model", [FILE, CONFIG, _SPECIAL, _TEMPLATE])
    except UserError as error:
        raise UserError(f"tokenizer.name: {name} is no folder here, and {error}") from error
    if not (found / FILE).is_file():
        raise UserError(f"tokenizer.name: {name} has no {FILE} on the hub")
    return found


def _roles(place: Path) -> dict[str, str]:
    """What the files beside it say of `eos_token` and its like."""
    found: dict[str, str] = {}
    for values in (_read(place / _SPECIAL), _read(place / CONFIG)):
        for role in ("bos_token", "eos_token", "unk_token", "pad_token"):
            value = values.get(role)
            value = value.get("content") if isinstance(value, dict) else value
            if value:
                found[role] = value
    return found


def _end_of_text(name: str, tokenizer: Any) -> str:
    if tokenizer.token_to_id(EOS) is not None:
        return EOS
    special = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]
    raise UserError(
        f"tokenizer.name: {name} does not say which token ends a text: write a {CONFIG} beside {FILE} with its "
        f"eos_token (its special tokens: {', '.join(special) or 'none'})"
    )


def _chat_template(place: Path) -> str | None:
    if (place / _TEMPLATE).is_file():
        return (place / _TEMPLATE).read_text()
    found = _read(place / CONFIG).get("chat_template")
    if isinstance(found, list):  # several, by name
        found = {one["name"]: one["template"] for one in found}.get("default")
    return found or None


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error})") from error
