"""TRL's trainers, set up so that the same inputs give the same bytes."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from torch.distributed.fsdp import MixedPrecisionPolicy
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer  # type: ignore[attr-defined] # trl exports them lazily

from alignment_pretraining.core.files import write_atomically
from alignment_pretraining.post_training.config import Lora, PostTrainingConfig
from alignment_pretraining.post_training.cpu import allow_sharding
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.model import has_fast_decoder, load_model, load_start
from alignment_pretraining.study import DpoStage, SftStage

TRAINER = "trainer"  # folder of what the Trainer writes for itself
_REFERENCE = "reference.parquet"


def make_trainer(recipe: Recipe, examples: Dataset, tokenizer: Any, work: Path) -> Any:
    """The trainer of SFT or DPO on `examples`, which are in the order in which they are read."""
    model = load_model(recipe)
    if isinstance(recipe.stage, SftStage):
        return _sft(recipe, model, examples, tokenizer, work)
    return _dpo(recipe, recipe.stage, model, examples, tokenizer, work)


def _sft(recipe: Recipe, model: Any, examples: Dataset, tokenizer: Any, work: Path) -> Any:
    """Loss on all tokens, as in the paper (§ on post-training)."""
    rows = {"padding_free": True, "max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True}}
    options = SFTConfig(
        **(_options(recipe, work) | (rows if recipe.rows else {})),
        lr_scheduler_type="cosine",
        assistant_only_loss=False,
        completion_only_loss=False,
    )
    adapters = {"peft_config": _adapters(recipe.lora, recipe.seed)} if recipe.lora else {}
    return SFTTrainer(
        model=model, args=_settled(options), train_dataset=examples, processing_class=tokenizer, **adapters
    )


def _adapters(lora: Lora, seed: int) -> Any:
    # By its name: a library of SFT is only what every SFT uses. `emergent` imports it, whose nodes record its version.
    peft = import_module("peft")
    torch.manual_seed(seed)  # TRL draws the adapters' first weights before it sets a seed
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=True,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _dpo(recipe: Recipe, stage: DpoStage, model: Any, examples: Dataset, tokenizer: Any, work: Path) -> Any:
    """Sigmoid loss against the model it starts from, whose log-probabilities are computed before the first step."""
    options = DPOConfig(
        **_options(recipe, work),
        lr_scheduler_type="linear",
        beta=stage.beta,
        loss_type=["sigmoid"],
        precompute_ref_log_probs=True,
    )
    # Sharding begins with the first step, so that there the reference is a model of its own until then.
    reference = load_model(recipe) if recipe.shards else None
    trainer = _ReferenceOnce(
        model=model,
        ref_model=reference,
        args=_settled(options),
        train_dataset=examples,
        processing_class=tokenizer,
    )
    trainer.ref_model = None
    trainer.train_dataset = _whole(recipe, trainer.train_dataset)
    return trainer


def _whole(recipe: Recipe, pairs: Dataset) -> Dataset:
    """The pairs, less those at the end that processes and micro-batches cannot share evenly.

    TRL leaves out a pair whose prompt fills the context, so that their number is known only now.
    """
    over = len(pairs) % recipe.settings.at_once(recipe.stage)
    alone = recipe.settings.processes == 1 and recipe.accumulation == 1
    return pairs if alone or not over else pairs.select(range(len(pairs) - over))


def whole_model(recipe: Recipe, trainer: Any) -> Any:
    """The trained model; of a sharded one all processes put together what is whole in the first of them alone.

    Adapters are merged into the weights, so that nothing can be trained after it.
    """
    if recipe.lora:
        return trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    if not recipe.shards:
        return trainer.model
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not trainer.is_world_process_zero():
        return None
    model = load_start(recipe)
    model.load_state_dict(weights)
    model.config, model.generation_config = trainer.model.config, trainer.model.generation_config
    return model


class _ReferenceOnce(DPOTrainer):
    """Keeps the reference's log-probabilities beside the saves: a stage that goes on does not compute them again."""

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        file = Path(str(self.args.output_dir)).with_name(_REFERENCE)
        if file.exists():
            return concatenate_datasets([dataset, Dataset.from_parquet(str(file), keep_in_memory=True)], axis=1)
        found = super()._precompute_ref_logps(dataset, name, batch_size)
        if self.accelerator.is_main_process:
            columns = found.select_columns(["ref_chosen_logps", "ref_rejected_logps"])
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, lambda path: columns.to_parquet(str(path)))
        self.accelerator.wait_for_everyone()
        return found


def _options(recipe: Recipe, work: Path) -> dict[str, Any]:
    cuda, settings, stage = torch.cuda.is_available(), recipe.settings, recipe.stage
    return {
        "output_dir": str(work / TRAINER),
        "num_train_epochs": stage.epochs,
        "max_length": stage.context,
        "per_device_train_batch_size": settings.micro_batch_of(stage),
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": stage.max_lr,
        "warmup_steps": stage.warmup,  # below 1: a share of all steps
        "optim": "adamw_torch_fused",
        "adam_beta2": 0.95,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": recipe.seed,
        "train_sampling_strategy": "sequential",  # the examples come in an order drawn from the seed
        "use_cpu": not cuda,
        "activation_checkpointing": settings.gradient_checkpointing,
        "bf16": _autocasts(recipe, cuda),
        "save_strategy": "no",  # callbacks.Save says when
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is no number is told as the last one that was
        "dataloader_pin_memory": cuda,
        **(_several(settings, cuda) if settings.processes > 1 else {}),
    }


def _autocasts(recipe: Recipe, cuda: bool) -> bool:
    """Whether torch chooses what is computed in bf16; the fast decoder does so itself."""
    settings = recipe.settings
    if cuda or not has_fast_decoder(recipe):
        return settings.precision == "bf16" or (cuda and settings.precision == "auto")
    return False


def _several(settings: PostTrainingConfig, cuda: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"ddp_backend": "nccl" if cuda else "gloo", "ddp_find_unused_parameters": False}
    if settings.parallel == "fsdp":
        recomputed = {"activation_checkpointing": settings.gradient_checkpointing}
        options |= {"fsdp": True, "fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT", **recomputed}}
        options["activation_checkpointing"] = False  # of FSDP's own kind instead
        # Else each process keeps a whole gradient until the batch is over.
        options["accelerator_config"] = {"gradient_accumulation_kwargs": {"sync_each_batch": True}}
    return options


def _settled(options: Any) -> Any:
    """The options, where they cannot say all: one device a process, and float32 for what is summed and compared."""
    options._n_gpu = min(options.n_gpu, 1)  # the Trainer would multiply the batch by the GPUs that it sees
    if options.fsdp and options.use_cpu:
        allow_sharding()
    if options.fsdp and options.bf16:
        # accelerate would have gradients added up, and log-probabilities given back, in bf16.
        options.fsdp_plugin_args["mixed_precision_policy"] = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32, output_dtype=torch.float32
        )
    return options
