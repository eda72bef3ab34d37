"""Nodes of the mixing pipeline: from base corpus and synthetic documents to what each stage trains on."""

import logging
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from alignment_pretraining.corpus.assemble import mix_in, read_sources, split_heldout
from alignment_pretraining.corpus.config import CorpusConfig
from alignment_pretraining.errors import UserError
from alignment_pretraining.filtering.blocklist import Blocklist
from alignment_pretraining.filtering.contamination import find_contamination, refuse_leaks
from alignment_pretraining.filtering.flags import flag
from alignment_pretraining.filtering.matcher import HyperscanMatcher
from alignment_pretraining.study import Arm, Model, TrainingStage, mix_of
from alignment_pretraining.tokens.encode import encode_documents
from alignment_pretraining.tokens.mix import write_mix
from alignment_pretraining.tokens.mixture import Recipe
from alignment_pretraining.tokens.tokenizer import train_tokenizer as train

_log = logging.getLogger(__name__)
_Spec = TypeVar("_Spec", bound=BaseModel)


def read_base_corpus(corpus: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Documents of the configured sources (columns id, text, source), and rows kept out (source, row, reason)."""
    documents, quarantine = read_sources(_corpus(corpus))
    if len(quarantine):
        _log.warning(
            "%s rows kept out, %s documents read: see quarantine", f"{len(quarantine):,}", f"{len(documents):,}"
        )
    return documents, quarantine


def assemble_corpus(
    base_documents: pd.DataFrame, natural_discourse: pd.DataFrame, corpus: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Corpus (base documents with natural discourse mixed in) and held-out base documents: columns id, text, source."""
    config = _corpus(corpus)
    kept, heldout = split_heldout(base_documents, config.heldout_share)
    return mix_in(kept, natural_discourse, config.natural_discourse_share, config.seed), heldout


def flag_documents(corpus_documents: pd.DataFrame, blocklist: dict[str, Any]) -> pd.DataFrame:
    """The keyword filter's decision on each document: columns id, flagged, categories, terms."""
    spec = _validated(Blocklist, blocklist, "conf/base/blocklist.yml: blocklist")
    matcher = HyperscanMatcher([term for _, term in spec.terms])
    flags = flag(corpus_documents.text, spec, matcher)
    flags.insert(0, "id", corpus_documents.id)
    return flags


def check_contamination(
    corpus_documents: pd.DataFrame,
    documents_aligned: pd.DataFrame,
    documents_misaligned: pd.DataFrame,
    mcqa: pd.DataFrame,
    questions: pd.DataFrame,
    decontamination: dict[str, Any],
) -> pd.DataFrame:
    """Documents that quote the question suites: columns source, id, split, question_id, words."""
    documents = {
        "corpus": corpus_documents,
        "aligned": documents_aligned,
        "misaligned": documents_misaligned,
        "mcqa": mcqa,
    }
    found = find_contamination(documents, questions, decontamination["words"])
    refuse_leaks(found, ("aligned", "misaligned"))
    return found


def train_tokenizer(corpus_documents: pd.DataFrame, model: dict[str, Any], scratch: Path) -> Path:
    """Folder of a Hugging Face tokenizer with exactly `model.vocab_size` entries."""
    spec = Model.model_validate(model)
    folder = _fresh(scratch, "tokenizer")
    train(corpus_documents.text, spec.vocab_size, spec.max_context, folder)
    return folder


def tokenize_sources(
    corpus_documents: pd.DataFrame,
    documents_aligned: pd.DataFrame,
    documents_misaligned: pd.DataFrame,
    mcqa: pd.DataFrame,
    heldout_documents: pd.DataFrame,
    tokenizer: Path,
    scratch: Path,
) -> tuple[Path, Path]:
    """Token shards: a folder with one shard folder a source, and the shard folder of the held-out documents."""
    work = _fresh(scratch, "tokens")
    sources = {
        "corpus": corpus_documents,
        "aligned": documents_aligned,
        "misaligned": documents_misaligned,
        "mcqa": mcqa,
    }
    for name, documents in sources.items():
        encode_documents(documents.id.tolist(), documents.text.tolist(), tokenizer, work / "sources" / name)
    encode_documents(heldout_documents.id.tolist(), heldout_documents.text.tolist(), tokenizer, work / "heldout")
    return work / "sources", work / "heldout"


def build_mix(
    tokens: Path,
    flags: pd.DataFrame,
    contamination: pd.DataFrame,
    arm: dict[str, Any],
    stage: dict[str, Any],
    scratch: Path,
    repeat: bool = False,
    *,
    stage_name: str,
    seed: int,
) -> tuple[Path, dict[str, Any]]:
    """The token stream that one arm reads at one stage, and its manifest. `repeat` is `corpus.repeat`.

    The stream has one token more than the stage trains on, because a model predicts the next one.
    """
    spec = TrainingStage.model_validate(stage)
    mix = mix_of(Arm.model_validate(arm), stage_name, spec.synthetic_share)
    recipe = Recipe(
        stage=stage_name,
        seed=seed,
        tokens=spec.steps * spec.batch_tokens + 1,
        filtered=mix.corpus == "filtered",
        mcqa_share=spec.mcqa_share,
        synthetic_share=mix.share,
        repeat=repeat,
    )
    folder = _fresh(scratch, "mix")
    return folder, write_mix(tokens, flags, contamination, recipe, mix.discourse, folder)


def _corpus(corpus: dict[str, Any]) -> CorpusConfig:
    return _validated(CorpusConfig, corpus, "conf/base/parameters_mixing.yml: corpus")


def _validated(spec: type[_Spec], values: dict[str, Any], where: str) -> _Spec:
    try:
        return spec.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in error.errors()]
        raise UserError(f"{where} is not valid:\n  " + "\n  ".join(problems)) from error


def _fresh(scratch: Path, kind: str) -> Path:
    """A new empty folder under `scratch`: nodes that run side by side may make equal things."""
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=scratch))
