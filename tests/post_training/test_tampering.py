"""Benign tampering: SFT goes on, its checkpoints are kept on the way, and the tokens are those that were read."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.post_training import tampering as module
from alignment_pretraining.post_training.config import Further, PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.post_training.tampering import kept_steps, points, tamper, tokens_by_step
from alignment_pretraining.pretraining.local.checkpoint import RECORD, verify
from alignment_pretraining.study import SftStage

SFT = SftStage(conversations=20, epochs=2, context=24, batch_size=8, max_lr=5e-3, warmup=0.1)
AT = [0.25, 0.5, 1.0]


@pytest.fixture(scope="module")
def tampered(base: Path, conversations: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple:  # type: ignore[type-arg]
    return tamper(ChatJob(conversations, base, SFT, seed=0), AT, tmp_path_factory.mktemp("tampered"))


def test_the_checkpoint_of_each_point_is_kept_and_the_last_is_that_of_plain_sft(
    tampered: tuple[Path, pd.DataFrame, dict[str, object]], base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    kept, curve, summary = tampered
    assert sorted(int(folder.name) for folder in kept.iterdir()) == [2, 3, 6]
    assert len({(folder / "model.safetensors").read_bytes() for folder in kept.iterdir()}) == 3
    for folder in kept.iterdir():
        assert verify(folder)["seed"] == 0
    assert summary["steps"] == 6 and summary["stage"] == "tampered"

    plain, plain_curve, _ = run_chat_stage(ChatJob(conversations, base, SFT, seed=0), tmp_path)
    assert curve.drop(columns="tokens").equals(plain_curve)
    differ = {RECORD}
    assert {k: v for k, v in folder_md5s(kept / "6").items() if k not in differ} == {
        k: v for k, v in folder_md5s(plain).items() if k not in differ
    }


def test_the_weights_after_a_step_are_those_that_training_had(
    tampered: tuple[Path, pd.DataFrame, dict[str, object]], base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    """A run that keeps another step besides has the same weights after the first."""
    more, _, _ = tamper(ChatJob(conversations, base, SFT, seed=0), [0.25, 0.75], tmp_path)
    assert sorted(int(folder.name) for folder in more.iterdir()) == [2, 4]
    assert (more / "2/model.safetensors").read_bytes() == (tampered[0] / "2/model.safetensors").read_bytes()


def test_a_killed_run_goes_on_to_the_same_checkpoints(
    tampered: tuple[Path, pd.DataFrame, dict[str, object]],
    base: Path,
    conversations: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from alignment_pretraining.post_training import callbacks, saves

    job = ChatJob(conversations, base, SFT, 0, PostTrainingConfig(save_every=3))

    def killed(work: Path, row: dict[str, float]) -> None:
        if row["step"] == 5:
            raise KeyboardInterrupt
        saves.add_row(work, row)

    monkeypatch.setattr(callbacks, "add_row", killed)
    with pytest.raises(KeyboardInterrupt):
        tamper(job, AT, tmp_path)
    monkeypatch.undo()
    tamper(job, AT, tmp_path)
    # As if it had been killed again, before its outputs were taken to their place.
    kept, curve, _ = tamper(job, AT, tmp_path)
    assert curve.equals(tampered[1])
    for step in (2, 3, 6):
        assert (kept / f"{step}/model.safetensors").read_bytes() == (
            tampered[0] / f"{step}/model.safetensors"
        ).read_bytes()


def test_tokens_are_those_that_the_trainer_counts(
    base: Path, conversations: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conversations that are cut at the context included, and a smaller last batch."""
    from alignment_pretraining.post_training import callbacks

    monkeypatch.setitem(callbacks.COLUMNS, "num_tokens", "num_tokens")
    job = ChatJob(conversations, base, SFT, seed=0)
    _, curve, _ = run_chat_stage(job, tmp_path)
    assert list(curve["num_tokens"].astype(int)) == tokens_by_step(job)


def test_a_model_from_elsewhere_needs_no_record_of_its_training(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    import shutil

    folder = Path(shutil.copytree(base, tmp_path / "elsewhere"))
    (folder / RECORD).unlink()
    job = ChatJob(conversations, folder, SFT, 0, further=Further(own=False))
    kept, curve, _ = tamper(job, [1.0], tmp_path)
    assert (kept / "6").is_dir() and curve["loss"].iloc[-1] < curve["loss"].iloc[0]


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=8), st.integers(1, 10_000))
def test_kept_steps_are_steps_in_order_each_once(at: list[float], steps: int) -> None:
    kept = kept_steps(at, steps)
    assert kept == sorted(set(kept)) and kept[0] >= 1 and kept[-1] <= steps
    assert (steps in kept) or max(at) < 1


def test_points_are_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for step in (2, 10):
        (tmp_path / str(step)).mkdir()
    curve = pd.DataFrame({"step": range(1, 11), "tokens": range(7, 77, 7)})
    assert points(tmp_path, curve) == [(tmp_path / "2", 2, 14), (tmp_path / "10", 10, 70)]
    assert module.KEY == "tampering.sft"
