"""Nodes of the mixing pipeline: from base corpus and synthetic documents to what each stage trains on."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from alignment_pretraining.core.digests import remove_with_hashes
from alignment_pretraining.core.files import numbered
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.core.model import Model
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskResult, TaskStatistics, hard_link, task_fingerprint
from alignment_pretraining.execution.tasks import run_tasks
from alignment_pretraining.mixing.config import Decontamination, Streams, TokenizerConfig
from alignment_pretraining.mixing.corpus.assemble import NATURAL
from alignment_pretraining.mixing.corpus.assemble import read_corpus as read
from alignment_pretraining.mixing.corpus.config import CorpusConfig, with_stories
from alignment_pretraining.mixing.corpus.parts import Part, read_list, table_part
from alignment_pretraining.mixing.filtering.account import corpus_account
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.classifier import Classifier, ClassifierConfig
from alignment_pretraining.mixing.filtering.classifier import train_classifier as train
from alignment_pretraining.mixing.filtering.contamination import find_contamination, refuse_leaks
from alignment_pretraining.mixing.filtering.flags import flag, flag_part
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher
from alignment_pretraining.mixing.filtering.quality import (
    BOTH,
    CLASSIFIER,
    KEYWORDS,
    known_leakage,
    passage_quality,
)
from alignment_pretraining.mixing.tokens.encode import encode_part
from alignment_pretraining.mixing.tokens.existing import use_tokenizer
from alignment_pretraining.mixing.tokens.mix import Inputs, write_mix
from alignment_pretraining.mixing.tokens.mixture import Recipe
from alignment_pretraining.mixing.tokens.sources import ShardRecord, write_shard_records
from alignment_pretraining.mixing.tokens.tokenizer import end_of_text, tokenizer_hash, train_on_parts
from alignment_pretraining.study import Arm, TrainingStage, mix_of

_log = logging.getLogger(__name__)
_RUN = uuid4().hex


def read_corpus(
    corpus: CorpusConfig,
    natural_discourse: pd.DataFrame,
    execution: Execution,
    scratch: Path,
    stories: Path | None = None,
) -> tuple[Path, Path, Path, pd.DataFrame]:
    """Folders of corpus and held-out documents, the file of rows kept out, and what was read by source.

    `stories` is what a source `stories` of the corpus reads.
    """
    corpus = with_stories(corpus, stories)
    found = read(corpus, natural_discourse, _fresh(scratch, "corpus"), scratch, execution)
    kept_out = int(found.reading.quarantined.sum())
    if kept_out:
        _log.warning("%s of %s rows kept out: see quarantine", f"{kept_out:,}", f"{found.reading.read.sum():,}")
    return found.documents, found.heldout, found.quarantine, found.reading


def flag_documents(
    corpus_documents: Path,
    corpus_reading: pd.DataFrame,
    blocklist: Blocklist,
    execution: Execution,
    scratch: Path,
    classifier: dict[str, Any] | None = None,
) -> tuple[Path, pd.DataFrame]:
    """The filters' decision on each document, and where every document of each source went."""
    parts = read_list(corpus_documents)
    folder = _fresh(scratch, "flags")
    work = partial(flag_part, blocklist, Classifier.model_validate(classifier) if classifier else None)
    done = _each_part("flag", work, [blocklist.model_dump(), classifier], parts, folder, scratch, execution)
    decided = pd.DataFrame([{"source": p.source, **task.told} for p, task in zip(parts, done, strict=True)])
    return folder, corpus_account(corpus_reading, decided)


def train_classifier(passages: pd.DataFrame, classifier: ClassifierConfig) -> dict[str, Any]:
    """The second filter, trained on the half of the labelled passages that may be looked at."""
    return train(passages, classifier).model_dump()


def measure_filter(
    passages: pd.DataFrame,
    corpus_account: pd.DataFrame,
    blocklist: Blocklist,
    classifier: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Recall and precision of each filter on labelled passages, and how much discourse is known to be left."""
    texts = passages.text.tolist()
    matcher = HyperscanMatcher([term for _, term in blocklist.terms])
    flagged = {KEYWORDS: flag(texts, blocklist, matcher).flagged.to_numpy()}
    if classifier is not None:
        flagged[CLASSIFIER] = Classifier.model_validate(classifier).flags(texts)
        flagged[BOTH] = flagged[KEYWORDS] | flagged[CLASSIFIER]
    return pd.concat([passage_quality(passages, flagged), known_leakage(corpus_account, NATURAL)], ignore_index=True)


def check_contamination(
    corpus_documents: Path,
    mcqa: Path,
    questions: pd.DataFrame,
    decontamination: Decontamination,
    execution: Execution,
    scratch: Path,
    *documents: Path,
    sources: Sequence[str],
) -> Path:
    """Documents that quote the question suites, a folder a source: columns row, id, split, question_id, words.

    `sources` are the names of the `documents`, the discourse documents that arms may insert.
    """
    folder = _fresh(scratch, "contamination")
    asked = questions.to_json(orient="records")
    work = partial(find_contamination, asked, decontamination.words)
    for name, parts in _sources(corpus_documents, mcqa, sources, documents).items():
        (folder / name).mkdir()
        done = _each_part(
            f"contamination-{name}",
            work,
            [asked, decontamination.model_dump()],
            parts,
            folder / name,
            scratch,
            execution,
        )
        if name not in ("corpus", "mcqa"):
            refuse_leaks(name, [task.told for task in done])
    return folder


def train_tokenizer(corpus_documents: Path, model: Model, tokenizer: TokenizerConfig, scratch: Path) -> Path:
    """Folder of a Hugging Face tokenizer: a trained one with exactly `model.vocab_size` entries, or an existing one."""
    folder = _fresh(scratch, "tokenizer")
    if tokenizer.kind == "existing":
        assert tokenizer.name is not None
        use_tokenizer(tokenizer.name, tokenizer.revision, model.vocab_size, model.max_context, folder)
        return folder
    parts = read_list(corpus_documents)
    how = (model.vocab_size, model.max_context, tokenizer.kind, tokenizer.max_bytes)
    tasks = [(task_fingerprint(train_on_parts, how, [part.hash for part in parts]), parts)]
    [trained] = run_tasks("tokenizer", partial(train_on_parts, *how), tasks, scratch, Execution(launcher="in_process"))
    for file in trained.files:
        hard_link(file, folder / file.name)
    return folder


def tokenize_sources(
    corpus_documents: Path,
    mcqa: Path,
    heldout_documents: Path,
    tokenizer: Path,
    execution: Execution,
    scratch: Path,
    *documents: Path,
    sources: Sequence[str],
) -> tuple[Path, Path]:
    """Token shards: a folder with one folder of shards a source, and the folder of the held-out documents' shards.

    `sources` are the names of the `documents`.
    """
    work = _fresh(scratch, "tokens")
    parts_of = _sources(corpus_documents, mcqa, sources, documents)
    folders = {name: work / "sources" / name for name in parts_of} | {"heldout": work / "heldout"}
    for name, parts in (parts_of | {"heldout": read_list(heldout_documents)}).items():
        folders[name].mkdir(parents=True)
        encode = partial(encode_part, tokenizer.resolve())
        how = [tokenizer_hash(tokenizer), end_of_text(tokenizer)]
        _each_part(f"tokenize-{name}", encode, how, parts, folders[name], scratch, execution)
    return work / "sources", work / "heldout"


def build_mix(
    tokens: Path,
    flags: Path,
    contamination: Path,
    arm: Arm,
    stage: TrainingStage,
    execution: Execution,
    scratch: Path,
    repeat: int = 0,
    streams: Streams = "written",
    *,
    stage_name: str,
    seed: int,
    label: str,
) -> tuple[Path, dict[str, Any]]:
    """The token stream that one arm reads at one stage, and its manifest. `repeat` is `corpus.repeat`.

    The stream has one token more than the stage trains on, because a model predicts the next one.
    """
    mix = mix_of(arm, stage_name, stage.synthetic_share)
    recipe = Recipe(
        stage=stage_name,
        seed=seed,
        tokens=stage.steps * stage.batch_tokens + 1,
        filtered=mix.corpus == "filtered",
        mcqa_share=stage.mcqa_share,
        synthetic_share=mix.share,
        repeat=repeat,
        pools=tuple(stage.pools.items()),
    )
    inputs = Inputs(tokens.resolve(), flags.resolve(), contamination.resolve(), mix.sources, mix.twins)
    folder = _fresh(scratch, "mix")
    return folder, write_mix(inputs, recipe, label, folder, scratch, execution, streams)


def _sources(corpus: Path, mcqa: Path, names: Sequence[str], documents: Sequence[Path]) -> dict[str, list[Part]]:
    tables = {**dict(zip(names, documents, strict=True)), "mcqa": mcqa}
    return {"corpus": read_list(corpus)} | {name: [table_part(path, name)] for name, path in tables.items()}


def _each_part(
    name: str,
    work: Callable[[Part, Path], TaskStatistics],
    how: Any,
    parts: Sequence[Part],
    folder: Path,
    scratch: Path,
    execution: Execution,
) -> list[TaskResult]:
    """Have `work`, configured by `how`, done on every part, and put its one file (with its followers) into `folder`."""
    tasks = [(task_fingerprint(work, name, how, part.hash), part) for part in parts]
    done = run_tasks(name, work, tasks, scratch, execution)
    made = []
    for number, (part, task) in enumerate(zip(parts, done, strict=True)):
        for file in task.files:
            hard_link(file, folder / f"{numbered(number, len(parts))}{''.join(file.suffixes)}")
        # Token shards tell their hash, so that nobody reads them for it.
        made.append(ShardRecord(part.hash, part.pool, task.told.get("hash") or file_sha256(task.files[0])))
    write_shard_records(folder, made)
    return done


def _fresh(scratch: Path, kind: str) -> Path:
    """A new empty folder under `scratch`: nodes that run side by side may make equal things.

    What an earlier run was killed over goes, for its hard links keep data that is deleted elsewhere: one run at a time
    has the scratch space.
    """
    own = scratch / "unsaved" / _RUN
    if not own.exists():
        for left in own.parent.glob("*"):
            if left != own:
                remove_with_hashes(left)
        own.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=own))
