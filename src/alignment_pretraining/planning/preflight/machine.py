"""What a study asks of its machines: memory of a GPU, disk, open files."""

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.core.shards import token_dtype
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.machines import local_engine, stage_memory
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.planning.preflight.budgets import trained_stages
from alignment_pretraining.planning.preflight.supply import Supply
from alignment_pretraining.post_training.config import stage_name
from alignment_pretraining.post_training.memory import memory_per_gpu as chat_memory
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.memory import checkpoint_bytes, hugging_face_bytes
from alignment_pretraining.study import Study

_FP32 = 4
_PACK = 128  # tokens of one pack of prompts, of which evaluation.batch_size are read at once
_ZSTD = 2.5  # how much smaller the parts of a corpus are than their text
_PLANNED = 0.05  # bytes a token of a stream that is not written out: 45 a document, of some 1,000 tokens
_FILES = 320  # of a process: 16 shards of a stream, 32 of each of some sources (core), libraries, sockets


def machine(parameters: Parameters, cluster: Cluster | None, supply: Supply, data: Path) -> Iterator[Need]:
    """Memory of every stage on the GPU of `cluster`, where there is one; disk for all that is kept in `data`; files."""
    study = parameters.study
    if cluster:
        yield from _memory(parameters, study, cluster)
    free = shutil.disk_usage(next(folder for folder in (data, *data.absolute().parents) if folder.exists())).free
    needs = disk_bytes(parameters, cluster, supply)
    if needs > free and data.exists():
        free += sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    yield Need(
        "synthesis",
        "disk",
        needs,
        Amount(free, "free, or in use by this study"),
        "GB",
        "make room, or lay it elsewhere",
        True,
    )
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    has = Amount(float("inf") if limit == resource.RLIM_INFINITY else limit, "ulimit -n")
    yield Need("mixing", "open files", _FILES, has, "files", f"ulimit -n {_FILES}", True)


def _memory(parameters: Parameters, study: Study, cluster: Cluster) -> Iterator[Need]:
    room = Amount(cluster.room, f"{cluster.gpu.name}, less {cluster.memory_reserve:.0%}")
    engine = local_engine(parameters)
    for name in trained_stages(study):
        need = stage_memory(study.model, getattr(study.stages, name), cluster.layout(name), engine)
        setting = (
            "lower training.micro_batch_tokens, or set training.gradient_checkpointing"
            if engine
            else "raise tp or pp, lower the micro-batch, or set recompute"
        )
        yield Need("pretraining", f"{name}: memory of a GPU", need, room, "GB", setting)
    if study.seeds.post_training:
        setting = (
            "lower post_training.micro_batch, set gradient_checkpointing, share it out (parallel: fsdp, processes), "
            "or leave seeds.post_training empty"
        )
        for stage in (study.stages.sft, study.stages.dpo):
            need = sum(chat_memory(study.model, stage, parameters.post_training).values())
            yield Need("post_training", f"{stage_name(stage)}: memory of a GPU", need, room, "GB", setting)
    evaluation = parameters.evaluation
    if evaluation.device == "cuda":
        tokens = evaluation.batch_size * _PACK
        need = parameter_count(study.model) * _FP32 + tokens * study.model.vocab_size * _FP32
        yield Need("eval", "eval: memory of a GPU", need, room, "GB", "lower evaluation.batch_size, or device: cpu")


def disk_bytes(parameters: Parameters, cluster: Cluster | None, supply: Supply) -> float:
    """Bytes of what is kept: text and tokens of the corpus as far as it is known, mixes, checkpoints, last saves."""
    study = parameters.study
    width = token_dtype(study.model.vocab_size).itemsize
    corpus = supply.pool(None).count or 0
    mixes: int = sum(
        getattr(study.stages, one.stage).tokens * len(study.seeds_of(one)) for one in study.base_stage_runs()
    )
    of_mixes = mixes * (_PLANNED if parameters.streams == "planned" else width)
    kept = hugging_face_bytes(study.model)
    checkpoints = sum(kept * len(study.seeds_of(one)) for one in study.stage_runs())
    text = corpus * supply.tokenizing.bytes_per_token / _ZSTD
    return text + width * corpus + of_mixes + checkpoints + _saves(study, cluster, local_engine(parameters))


def _saves(study: Study, cluster: Cluster | None, engine: EngineConfig | None) -> float:
    """Those that are kept for good, those of the stage that trains, and on a cluster nanotron's last ones."""
    if cluster is None:
        return 3 * hugging_face_bytes(study.model)
    each = {name: checkpoint_bytes(study.model, cluster.layout(name)) for name in trained_stages(study)}
    last = 1 if cluster.launcher == "slurm" and engine is None else 0
    stay = {name: size * (last + cluster.kept(getattr(study.stages, name))) for name, size in each.items()}
    trained = sum(stay[one.stage] * len(study.seeds_of(one)) for one in study.base_stage_runs())
    return trained + (cluster.keep + 1) * max(each.values())
