"""Repositories to the Hugging Face hub. What is there already is not sent twice, so that running again goes on."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.publishing.tree import Written

_AGAIN = "run the same command again: what the hub has is not sent twice"


def check_owner(owner: str) -> None:
    """Ask the hub whose token it is, so that nothing is created for somebody else by a slip.

    Raises:
        UserError: there is no token, the hub refuses it, it is not one that may write to `owner`, or the hub cannot be
            reached.
    """
    from huggingface_hub import HfApi

    with _clear_errors(owner):
        me = HfApi().whoami()
        mine = [me["name"], *(one["name"] for one in me.get("orgs", []))]
    if owner not in mine:
        raise UserError(f"--to {owner}: the token is one of {me['name']}, who may write to {', '.join(mine)}")


def upload(repositories: Sequence[Written], owner: str, message: str, say: Callable[[str], None]) -> None:
    """Create what is missing and send every folder, in order; `message` is that of the commits.

    Raises:
        UserError: as `check_owner`, or the hub went away.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi()
    with _clear_errors(owner):
        for number, one in enumerate(repositories, 1):
            say(f"{number} of {len(repositories)}  {one.id}: {len(one.files)} files, {size(one.size)}")
            begun = time.monotonic()
            url = api.create_repo(one.id, repo_type=one.kind, exist_ok=True)
            api.upload_folder(repo_id=one.id, repo_type=one.kind, folder_path=one.folder, commit_message=message)
            say(f"    {url} in {time.monotonic() - begun:.0f} s")


def size(count: int) -> str:
    """Bytes for a reader."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@contextmanager
def _clear_errors(owner: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of the hub, of the network, and of the libraries that send
        raise UserError(_without_token(_told(error, owner))) from None


def _told(error: BaseException, owner: str) -> str:
    from huggingface_hub.constants import ENDPOINT as endpoint
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    causes = [*_causes(error)]
    for one in causes:
        if isinstance(one, LocalTokenNotFoundError):
            return "the hub wants a token that may write: `hf auth login`, or HF_TOKEN"
        if isinstance(one, OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set, so nothing can be sent: unset it, or look at the folders of --dry-run"
        if isinstance(one, HfHubHTTPError) and one.response is not None:
            status = one.response.status_code
            if status == 401:
                return f"{endpoint} does not take the token (401): it is mistyped, expired or revoked. `hf auth login`"
            if status == 403:
                return f"{endpoint}: the token may not write to {owner} (403); make one that may, then `hf auth login`"
            return f"{endpoint} answered {status} ({one.server_message or 'without a reason'}); {_AGAIN}"
    return f"{endpoint} cannot be reached, or went away ({causes[-1]}); {_AGAIN}"


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain


def _without_token(text: str) -> str:
    """A server may repeat what it was sent."""
    from huggingface_hub import get_token

    token = get_token()
    return text.replace(token, "***") if token else text
