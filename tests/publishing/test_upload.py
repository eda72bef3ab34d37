"""Folders arrive on a hub as they are, and what goes wrong on the way is said and can be gone on from."""

from pathlib import Path

import pytest
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.publishing.tree import Written
from alignment_pretraining.publishing.upload import check_owner, size, upload
from tests.publishing.hub_server import TOKEN, Hub

CARD = "---\nlicense: apache-2.0\n---\n# a card\n"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub to which the client of this process speaks; its token is the user's."""
    hub = Hub()
    with hub.open():  # which gives it its port
        pass
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # another protocol, to other servers
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


@pytest.fixture
def written(tmp_path: Path) -> list[Written]:
    """A dataset and a model, with cards, small files and large ones."""
    made = []
    for kind, name, large in (
        ("dataset", "toy-documents", "rows.parquet"),
        ("model", "toy-arm", "seed0/w.safetensors"),
    ):
        folder = tmp_path / name
        for file, content in (("README.md", CARD), (large, f"{name} large" * 99), ("seed0/config.json", "{}")):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(content)
        files = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
        made.append(Written(f"somebody/{name}", kind, folder, files))  # type: ignore[arg-type]
    return made


def _is_all_there(hub: Hub, written: list[Written]) -> bool:
    found = {name: files for name, files in hub.repositories.items() if files}
    wanted = {
        f"{one.kind}s/{one.id}": {file: (one.folder / file).read_bytes() for file in one.files} for one in written
    }
    return found == wanted


def _told(hub: Hub, written: list[Written]) -> str:
    with pytest.raises(UserError) as refused:
        upload(written, "somebody", "toy at commit abc", lambda line: None)
    assert TOKEN not in str(refused.value)
    return str(refused.value)


def test_everything_arrives_with_a_line_for_each_repository(hub: Hub, written: list[Written]) -> None:
    said: list[str] = []
    with hub.open():
        check_owner("somebody")
        check_owner("lab")
        upload(written, "somebody", "toy at commit abc", said.append)
    assert _is_all_there(hub, written)
    assert hub.said == ["toy at commit abc"] * 2
    assert said[0].startswith("1 of 2  somebody/toy-documents: 3 files, 1.9 kB")
    assert f"{hub.endpoint}/datasets/somebody/toy-documents in 0 s" in said[1]
    assert TOKEN not in "\n".join(said)


def test_the_clients_own_way_of_sending(hub: Hub, written: list[Written], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user gets: in batches. Large files go to servers of another kind, so there are none here."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.large_files = (".none",)
    with hub.open():
        for _ in range(2):
            upload(written, "somebody", "toy", lambda line: None)
    assert _is_all_there(hub, written)
    assert hub.said == ["toy", "toy"]


def test_what_is_there_is_not_sent_again(hub: Hub, written: list[Written]) -> None:
    with hub.open():
        for _ in range(2):
            upload(written, "somebody", "toy", lambda line: None)
        assert len(hub.said) == len(hub.sent("PUT")) == 2
        (written[1].folder / "README.md").write_text(CARD + "more\n")
        upload(written, "somebody", "a better card", lambda line: None)
    assert hub.said[2:] == ["a better card"] and len(hub.sent("PUT")) == 2
    assert _is_all_there(hub, written)


@pytest.mark.parametrize("request_", ["POST /api/repos/create", "POST /api/models/somebody/toy-arm/commit/main"])
def test_a_hub_that_goes_away_is_gone_on_from(hub: Hub, written: list[Written], request_: str) -> None:
    hub.goes_away_at = lambda request: request == request_
    with hub.open():
        told = _told(hub, written)
    assert hub.endpoint in told and "run the same command again: what the hub has is not sent twice" in told
    assert not _is_all_there(hub, written)
    before = len(hub.sent("PUT"))
    hub.goes_away_at = lambda request: False
    with hub.open():
        upload(written, "somebody", "toy", lambda line: None)
    assert _is_all_there(hub, written)
    assert len(hub.sent("PUT")) == 2, f"{before} of the large files had arrived"


def test_a_token_that_is_not_taken(hub: Hub, written: list[Written], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mistyped")
    with hub.open():
        with pytest.raises(UserError, match=r"does not take the token \(401\).*hf auth login") as refused:
            check_owner("somebody")
        told = _told(hub, written)
    assert "hf_mistyped" not in str(refused.value) + told
    assert hub.repositories == {}


def test_no_token_and_somebody_elses(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with hub.open(), pytest.raises(UserError, match="--to else: the token is one of somebody"):
        check_owner("else")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="the hub wants a token that may write: `hf auth login`"):
        check_owner("somebody")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, r"the token may not write to somebody \(403\); make one that may, then `hf auth login`"),
        (500, r"answered 500 \(the disk of the hub is full\); run the same command again"),
        (429, r"answered 429 \(the disk of the hub is full\)"),
    ],
)
def test_what_the_hub_refuses_is_said_with_the_way_out(
    hub: Hub, written: list[Written], status: int, said: str
) -> None:
    hub.refuses = {"POST /api/datasets/somebody/toy-documents/commit/main": (status, "the disk of the hub is full")}
    with hub.open(), pytest.raises(UserError, match=said):
        upload(written, "somebody", "toy", lambda line: None)
    hub.refuses.clear()
    with hub.open():
        upload(written, "somebody", "toy", lambda line: None)
    assert _is_all_there(hub, written)


def test_a_reason_that_repeats_the_token_is_told_without_it(hub: Hub, written: list[Written]) -> None:
    hub.refuses = {"POST /api/repos/create": (500, f"who is {TOKEN}?")}
    with hub.open():
        assert "who is ***?" in _told(hub, written)


def test_offline_nothing_is_tried(hub: Hub, written: list[Written], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with hub.open(), pytest.raises(UserError, match="HF_HUB_OFFLINE is set, so nothing can be sent: unset it"):
        check_owner("somebody")
    assert hub.requests == []


@given(st.integers(0, 10**16))
def test_a_size_is_right_to_its_last_place(count: int) -> None:
    number, unit = size(count).split()
    factor = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    assert abs(float(number) * factor - count) <= (0.0500001 * factor if unit != "bytes" else 0)
    assert float(number) < 1000.05 or unit == "TB"


def test_sizes_read_as_a_person_says_them() -> None:
    assert [size(999), size(1_000), size(1_800), size(2_500_000_000_000)] == ["999 bytes", "1.0 kB", "1.8 kB", "2.5 TB"]
