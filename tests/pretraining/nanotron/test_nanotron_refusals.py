"""What cannot run is refused before anything is launched, with the numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.spec import parse
from alignment_pretraining.execution import saves
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.config import stage_config, write_config
from alignment_pretraining.pretraining.nanotron.conversion import check_architecture, from_nanotron, to_nanotron
from alignment_pretraining.pretraining.nanotron.layout import Layout, check_layout
from alignment_pretraining.pretraining.nanotron.stage import ClusterJob, check, check_code
from tests.pretraining.nanotron.tiny_cluster import GPU, STAGE, UNTIED, cluster

Jobs = Callable[..., ClusterJob]


@pytest.mark.parametrize(
    ("layout", "changes", "reason"),
    [
        (Layout(tp=3), {}, r"heads 4 is not a multiple of tp 3"),
        (Layout(tp=4), {"vocab_size": 510}, r"vocab_size 510 is not a multiple of tp 4"),
        (Layout(tp=4), {"intermediate_size": 62}, r"intermediate_size 62 is not a multiple of tp 4"),
        (Layout(pp=3), {}, r"layers 4 is not a multiple of pp 3"),
        (Layout(dp=3), {}, r"256 tokens is 4 sequences of 64, not a multiple of dp 3 x micro_batch 1 = 3"),
        (Layout(dp=2, micro_batch=2, pp=2), {}, r"1 micro-batches a step cannot fill a pipeline of pp 2"),
        (Layout(), {"rope_theta": 5e5}, r"rope_theta 500,000: nanotron 0.4 trains with 10,000 alone"),
    ],
)
def test_a_layout_that_does_not_divide(layout: Layout, changes: dict[str, int], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_layout(Model.model_validate(UNTIED.model_dump() | changes), STAGE, layout)


def test_a_job_without_time_to_train_is_refused() -> None:
    """It would be requeued for ever."""
    cluster(Layout(), launcher="slurm", slurm={"time": "00:12:00"})
    with pytest.raises(ValueError, match=r"notice_seconds 600 leave nothing of slurm\.time 00:11:00: .* longer"):
        cluster(Layout(), launcher="slurm", slurm={"time": "00:11:00"})


def test_every_reason_is_given_at_once() -> None:
    with pytest.raises(UserError, match=r"(?s)heads 4 .*layers 4 .*not a multiple of dp 3"):
        check_layout(UNTIED, STAGE, Layout(dp=3, tp=3, pp=3))


def test_too_few_gpus() -> None:
    with pytest.raises(UserError, match=r"dp 2 x tp 2 x pp 2 needs 8 GPUs, there are 4"):
        check_layout(UNTIED, STAGE, Layout(dp=2, tp=2, pp=2), gpus=4)


def test_tensor_parallelism_over_machines() -> None:
    with pytest.raises(UserError, match=r"tp 4 is more than the 2 GPUs of a machine"):
        check_stage(UNTIED, STAGE, Layout(tp=4), cluster(Layout(), gpus_per_node=2))


def test_too_little_memory() -> None:
    tiny = cluster(Layout(), gpu=GPU.model_copy(update={"memory_gb": 1e-4}))
    with pytest.raises(UserError, match=r"needs about 0\.\d+ GB on a GPU \(weights .*, optimizer .*of 0\.0001 GB"):
        check_stage(UNTIED.model_copy(update={"layers": 64}), STAGE, Layout(), tiny)


def test_too_little_disk(make_job: Jobs, tmp_path: Path) -> None:
    endless = UNTIED.model_copy(update={"hidden_size": 2**14, "intermediate_size": 2**16, "layers": 4096})
    large = GPU.model_copy(update={"memory_gb": 1e9})
    job = make_job(model=endless, cluster=cluster(Layout(), gpu=large))
    with pytest.raises(UserError, match=r"GB free, but the stage's checkpoints need [\d.]+ GB \(2 kept"):
        check(job, tmp_path)


def test_a_missing_or_edited_shard(make_job: Jobs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.ds token shard"):
        check(make_job(mix=tmp_path), tmp_path)
    mix = tmp_path / "mix"
    mix.mkdir()
    for name in ("tokens.ds", "tokens.ds.metadata"):
        (mix / name).write_bytes((make_job().mix / name).read_bytes())
    with (mix / "tokens.ds").open("ab") as stream:
        stream.write(b"00")
    with pytest.raises(UserError, match=r"12,292 bytes, but 6,145 tokens of 2 bytes are expected"):
        check(make_job(mix=mix), tmp_path)


def test_a_stream_that_is_too_short(make_job: Jobs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1,025 tokens, but the stage needs 6,145"):
        check(make_job(mix=make_job().heldout), tmp_path)


def test_what_other_code_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_code(tmp_path)
    check_code(tmp_path)
    monkeypatch.setattr("alignment_pretraining.core.code._version", lambda name: "another" if name == "torch" else "1")
    before = (tmp_path / "code.json").read_text()
    (tmp_path / "code.json").write_text(before.replace("nanotron/trainer.py", "nanotron/older.py"))
    with pytest.raises(UserError, match=r"begun by other code; .*nanotron/trainer\.py.*torch.*code\.json"):
        check_code(tmp_path)
    (tmp_path / "code.json").unlink()
    check_code(tmp_path)


def test_a_checkpoint_of_another_architecture(tmp_path: Path) -> None:
    from alignment_pretraining.pretraining.local.llama import new_model

    to_nanotron(new_model(UNTIED, 0, eos=None, pad=None).state_dict(), UNTIED, tmp_path)
    with pytest.raises(UserError, match=r"num_hidden_layers 4, not 8"):
        check_architecture(tmp_path, UNTIED.model_copy(update={"layers": 8}))


def test_a_checkpoint_with_a_missing_shard(tmp_path: Path) -> None:
    from alignment_pretraining.pretraining.local.llama import new_model

    to_nanotron(new_model(UNTIED, 0, eos=None, pad=None).state_dict(), UNTIED, tmp_path)
    next(tmp_path.rglob("2/pp_block/mlp/down_proj/*.safetensors")).unlink()
    with pytest.raises(UserError, match=r"decoder/2/pp_block/mlp/down_proj: no weight file"):
        from_nanotron(tmp_path, UNTIED)


def test_a_damaged_or_half_written_checkpoint(tmp_path: Path) -> None:
    for step in ("6", "12", "18"):
        (tmp_path / step / "model").mkdir(parents=True)
        (tmp_path / step / "model" / "weights").write_bytes(b"12345678")
        if step != "18":
            saves.mark_whole(tmp_path / step, {"dp": 1})
    newest = saves.newest(tmp_path)
    assert newest == tmp_path / "12", "18 has no mark: its save was interrupted"
    (newest / "model" / "weights").write_bytes(b"1234")
    with pytest.raises(UserError, match=r"weights: 4 bytes, but 8 bytes were saved"):
        saves.verify(newest)
    saves.keep_newest(tmp_path, 1, every=6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12", "18", "6"]
    saves.keep_newest(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12", "18"]


def test_what_nanotron_itself_refuses(tmp_path: Path) -> None:
    config = stage_config(
        UNTIED, STAGE, Layout(), name="x", seed=0, mix=tmp_path, weights=tmp_path, folder=tmp_path, save_every=1
    )
    config["parallelism"]["pp_engine"] = "zigzag"
    with pytest.raises(UserError, match=r"nanotron refuses this configuration: .*zigzag"):
        write_config(config, tmp_path / "config.yaml")


def test_a_cluster_with_a_wrong_key() -> None:
    config = cluster(Layout()).model_dump()
    config["layouts"]["pretraining"]["dq"] = 2
    with pytest.raises(UserError, match=r"(?s)parameters_cluster\.yml.*cluster\.layouts\.pretraining\.dq"):
        parse(Cluster, config, "parameters_cluster.yml", "cluster")
    with pytest.raises(UserError, match=r"cluster\.layouts has no cpt; it has pretraining"):
        cluster(Layout()).layout("cpt")
