"""Every budget of a study against what its sources hold."""

from collections.abc import Iterator

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.planning.preflight.supply import Supply
from alignment_pretraining.study import BASE_STAGES, Study, TrainingStage


def budgets(parameters: Parameters, supply: Supply) -> Iterator[Need]:
    """What every base stage reads by source, held-out tokens, conversations and pairs."""
    study, most = parameters.study, max(int(parameters.corpus.repeat), 1)
    for name in trained_stages(study):
        stage: TrainingStage = getattr(study.stages, name)
        yield from _base(name, stage, most, supply)
        for (share, held), sources in _inserted(study, name, supply).items():
            need, which = share * (stage.tokens + 1), ", ".join(sources)
            what = f"documents of {which}" if len(sources) == 1 else f"documents of each of {which}"
            yield _read(name, what, need, held, most, _documents(parameters))
        if stage.mcqa_share:
            need = stage.mcqa_share * (stage.tokens + 1)
            yield _read(name, "multiple choice", need, supply.mcqa(), most, "synthesis.mcqa.count")
    yield from _heldout(parameters, supply)
    if study.seeds.post_training:
        stages = study.stages
        for stage_name, wanted, table in (
            ("sft", stages.sft.conversations, "conversations"),
            ("dpo", stages.dpo.pairs, "preferences"),
        ):
            key = "conversations" if stage_name == "sft" else "pairs"
            setting = f"lower study.stages.{stage_name}.{key}, or raise synthesis.{table}.count"
            yield Need("post_training", f"{stage_name}: {table}", wanted, supply.rows(table), "rows", setting)


def trained_stages(study: Study) -> list[str]:
    """The base stages that some selected arm goes through."""
    trained = {stage_run.stage for stage_run in study.base_stage_runs()}
    return [name for name in BASE_STAGES if name in trained]


def _base(name: str, stage: TrainingStage, most: int, supply: Supply) -> Iterator[Need]:
    total = sum(stage.pools.values())
    for pool in stage.pools or [None]:
        share = stage.pools[pool] / total if pool else 1
        what = f"corpus, pool {pool}" if pool else "corpus"
        yield _read(name, what, share * (stage.tokens + 1), supply.pool(pool), most, "corpus.sources")


def _inserted(study: Study, stage: str, supply: Supply) -> dict[tuple[float, Amount], list[str]]:
    """Sources of documents by the largest share that a selected arm reads of them at a stage, and by what they hold."""
    shares: dict[str, float] = {}
    for arm in study.selected_arms():
        if any(stage_run.stage == stage for stage_run in study.chain(arm)):
            mix = study.mix(arm, stage)
            for source in mix.sources:
                shares[source] = max(shares.get(source, 0), mix.share)
    found: dict[tuple[float, Amount], list[str]] = {}
    for source, share in sorted(shares.items()):
        found.setdefault((share, supply.documents(source)), []).append(source)
    return found


def _read(stage: str, what: str, needs: float, has: Amount, most: int, more: str) -> Need:
    times = f", each read at most {most} times" if most > 1 else ""
    count = None if has.count is None else has.count * most
    setting = f"raise {more}, let more epochs be read (corpus.repeat), or lower study.stages.{stage}'s tokens or share"
    return Need("mixing", f"{stage}: {what}", needs, Amount(count, has.how + times, has.estimate), "tokens", setting)


def _documents(parameters: Parameters) -> str:
    if parameters.synthesis.generator == "anthropic":
        return "anthropic.documents.samples"
    return "synthesis.documents.count"


def _heldout(parameters: Parameters, supply: Supply) -> Iterator[Need]:
    """The longest context against what each evaluation reads, and against what is held out at all."""
    study = parameters.study
    context = max(getattr(study.stages, name).context for name in trained_stages(study))
    read = Amount(parameters.training.heldout_tokens, "training.heldout_tokens")
    yield Need(
        "pretraining", "held-out tokens, for one context", context, read, "tokens", "raise training.heldout_tokens"
    )
    corpus, share = supply.pool(None), parameters.corpus.heldout_share
    if corpus.count is not None:
        has = Amount(corpus.count / (1 - share) * share, f"corpus.heldout_share {share}", estimate=True)
        setting = "raise corpus.heldout_share, or add to corpus.sources"
        yield Need("pretraining", "held-out text, for one context", context + 1, has, "tokens", setting)
