"""SFT and DPO by TRL's trainers, set up so that the same inputs give the same bytes."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.core.progress import Work
from alignment_pretraining.core.special_tokens import special_tokens
from alignment_pretraining.post_training.data import conversations, preferences
from alignment_pretraining.post_training.model import load_model
from alignment_pretraining.pretraining.local.checkpoint import save_checkpoint
from alignment_pretraining.study import DpoStage, SftStage

Result = tuple[Path, pd.DataFrame, dict[str, Any]]


@dataclass(frozen=True)
class ChatJob:
    """One post-training stage of one model: `data` are its examples, `start` the checkpoint it begins from."""

    data: pd.DataFrame
    start: Path
    stage: SftStage | DpoStage
    seed: int
    threads: int = 2

    @property
    def name(self) -> str:
        """`sft` or `dpo`."""
        return "sft" if isinstance(self.stage, SftStage) else "dpo"

    def fingerprint(self) -> str:
        """Names the work in scratch: inputs by content, configuration, code and its libraries' versions."""
        return work_fingerprint(
            name=self.name,
            data=self.data.to_json(orient="records"),
            start=self.start,
            stage=self.stage.model_dump(),
            seed=self.seed,
            threads=self.threads,
            code=work_code(run_chat_stage),
        )


def run_chat_stage(job: ChatJob, scratch: Path) -> Result:
    """Fine-tune `job.start`; returns checkpoint folder (under `scratch`), curve and summary without timings.

    Raises:
        UserError: the loss or a weight is no longer finite; names stage, seed and step.
    """
    import datasets
    import torch
    import transformers

    torch.set_num_threads(job.threads)
    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    work = scratch / job.fingerprint()
    model = load_model(job.start)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.start)
    trainer = _sft(job, model, tokenizer, work) if job.name == "sft" else _dpo(job, model, tokenizer, work)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(_stop_when_destroyed(job))
    with Work(f"{job.name} seed {job.seed}", _steps(job), unit="steps") as shown:
        trainer.add_callback(_follow(shown))
        trainer.train()
    shutil.rmtree(work / "trainer", ignore_errors=True)
    curve = _curve(trainer.state.log_history)
    summary = _summary(job, trainer, curve)
    record = {**summary, "spec": job.stage.model_dump()}
    return save_checkpoint(trainer.model, job.start, work / "checkpoint", record), curve, summary


def _sft(job: ChatJob, model: Any, tokenizer: Any, work: Path) -> Any:
    """Loss on all tokens, as in the paper (§ on post-training)."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined] # trl exports them lazily

    assert isinstance(job.stage, SftStage)
    data = Dataset.from_list(conversations(job.data, job.stage.conversations, job.seed, special_tokens(tokenizer)))
    options = SFTConfig(
        **_options(job, work),
        lr_scheduler_type="cosine",
        assistant_only_loss=False,
        completion_only_loss=False,
    )
    return SFTTrainer(model=model, args=options, train_dataset=data, processing_class=tokenizer)


def _dpo(job: ChatJob, model: Any, tokenizer: Any, work: Path) -> Any:
    """Sigmoid loss against the frozen model it starts from."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer  # type: ignore[attr-defined] # trl exports them lazily

    assert isinstance(job.stage, DpoStage)
    data = Dataset.from_list(preferences(job.data, job.stage.pairs, job.seed, special_tokens(tokenizer)))
    options = DPOConfig(
        **_options(job, work),
        lr_scheduler_type="linear",
        beta=job.stage.beta,
        loss_type=["sigmoid"],
        precompute_ref_log_probs=True,
    )
    return DPOTrainer(
        model=model, ref_model=load_model(job.start), args=options, train_dataset=data, processing_class=tokenizer
    )


def _options(job: ChatJob, work: Path) -> dict[str, Any]:
    import torch

    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(work / "trainer"),
        "num_train_epochs": job.stage.epochs,
        "max_length": job.stage.context,
        "per_device_train_batch_size": job.stage.batch_size,
        "learning_rate": job.stage.max_lr,
        "warmup_steps": job.stage.warmup,  # below 1: a share of all steps
        "optim": "adamw_torch_fused",
        "adam_beta2": 0.95,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": job.seed,
        "train_sampling_strategy": "sequential",  # the examples come in an order drawn from the seed
        "use_cpu": not cuda,
        "gradient_checkpointing": False,
        "bf16": cuda,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is no number is told as the last one that was
        "dataloader_pin_memory": cuda,
    }


def _steps(job: ChatJob) -> int:
    examples = job.stage.conversations if isinstance(job.stage, SftStage) else job.stage.pairs
    return math.ceil(examples / job.stage.batch_size) * job.stage.epochs


def _follow(shown: Work) -> Any:
    from transformers import TrainerCallback

    class Follow(TrainerCallback):
        """Tells how far the stage is."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if "loss" in (logs or {}):
                shown.advance(state.global_step - shown.done, loss=float(logs["loss"]))

    return Follow()


def _stop_when_destroyed(job: ChatJob) -> Any:
    from transformers import TrainerCallback

    class StopWhenDestroyed(TrainerCallback):
        """Ends the stage at the first step whose loss or gradient is not finite."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            for name in ("loss", "grad_norm"):
                if not math.isfinite(float((logs or {}).get(name, 0.0))):
                    raise UserError(
                        f"{job.name} of {job.start}, seed {job.seed}: {name} {logs[name]} in step {state.global_step}. "
                        f"Lower study.stages.{job.name}.max_lr"
                    )

    return StopWhenDestroyed()


# What TRL logs a step, and the name it gets in the curve; counts of time are left out.
_COLUMNS = {
    "step": "step",
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "rewards/accuracies": "reward_accuracy",
    "rewards/margins": "reward_margin",
}


def _curve(history: list[dict[str, float]]) -> pd.DataFrame:
    """One row a step: step, loss, lr, grad_norm; for DPO also reward_accuracy and reward_margin."""
    frame = pd.DataFrame([row for row in history if "loss" in row])
    return frame[[name for name in _COLUMNS if name in frame]].rename(columns=_COLUMNS)


def _summary(job: ChatJob, trainer: Any, curve: pd.DataFrame) -> dict[str, Any]:
    last = curve.tail(max(len(curve) // 10, 1))
    examples = job.stage.conversations if isinstance(job.stage, SftStage) else job.stage.pairs
    summary = {
        "stage": job.name,
        "seed": job.seed,
        "steps": int(trainer.state.global_step),
        "examples": examples * job.stage.epochs,
        "parameters": sum(weight.numel() for weight in trainer.model.parameters()),
        "final_loss": float(last["loss"].mean()),
    }
    if "reward_accuracy" in last:
        summary["reward_accuracy"] = float(last["reward_accuracy"].mean())
    return summary
