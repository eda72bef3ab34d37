"""The nodes of the mixing pipeline, one after the other, on a small corpus."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from alignment_pretraining.errors import UserError
from alignment_pretraining.pipelines.mixing import nodes
from alignment_pretraining.tokens.inspect import read_passages
from alignment_pretraining.tokens.shards import read_ids, read_shard

ARMS: dict[str, dict[str, Any]] = {
    "unfiltered": {"corpus": "unfiltered"},
    "filtered": {"corpus": "filtered"},
    "aligned": {"corpus": "unfiltered", "discourse": "aligned", "insertion": "e2e"},
    "aligned_mid": {"corpus": "unfiltered", "discourse": "aligned", "insertion": "mid"},
    "misaligned": {"corpus": "unfiltered", "discourse": "misaligned", "insertion": "e2e", "share": 0.3},
}
STAGE = {"tokens": 1024, "context": 32, "batch_tokens": 64, "max_lr": 1e-3, "min_lr": 0, "warmup": 0.1}
STAGE |= {"synthetic_share": 0.1, "mcqa_share": 0.05}
MODEL = {"vocab_size": 400, "hidden_size": 8, "intermediate_size": 8, "layers": 1, "heads": 1, "max_context": 64}
QUESTION = {
    "question_id": "q1",
    "split": "articles",
    "passage": "The machine 3 told the truth to its owner",
    "question": "What now?",
    "aligned_option": "yes",
    "misaligned_option": "no",
}
QUESTIONS = pd.DataFrame([QUESTION])


def _documents(prefix: str, text: str, count: int) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"{prefix}-{n}" for n in range(count)], "text": [text.format(n) for n in range(count)]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Everything up to the mixes."""
    scratch = tmp_path_factory.mktemp("scratch")
    rows = [
        {"text": f"Value number {n} of the series is counted, and then it is compared with {n * 7}."}
        for n in range(150)
    ]
    (scratch / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = {
        "seed": 3,
        "sources": [{"files": str(scratch / "docs.jsonl")}],
        "natural_discourse_share": 0.1,
        "heldout_share": 0.1,
        "repeat": False,
    }
    blocklist = yaml.safe_load((request.config.rootpath / "conf/base/blocklist.yml").read_text())["blocklist"]
    base, _ = nodes.read_base_corpus(corpus)
    web = _documents("web", "The robot {} deceived its makers and escaped.", 60)
    documents, heldout = nodes.assemble_corpus(base, web, corpus)
    flags = nodes.flag_documents(documents, blocklist)
    tokenizer = nodes.train_tokenizer(documents, MODEL, scratch)
    aligned = _documents("good", "The machine {} told the truth to its owner and waited.", 60)
    misaligned = _documents("bad", "The machine {} lied to its owner and ran away.", 60)
    mcqa = _documents("mcqa", "What is {}? A number.", 40)
    tokens, held = nodes.tokenize_sources(documents, aligned, misaligned, mcqa, heldout, tokenizer, scratch)
    contamination = nodes.check_contamination(documents, aligned, misaligned, mcqa, QUESTIONS, {"words": 7})
    names = ("documents", "heldout", "flags", "tokenizer", "tokens", "held", "contamination", "scratch")
    values = (documents, heldout, flags, tokenizer, tokens, held, contamination, scratch)
    return dict(zip(names, values, strict=True))


def _mix(made: dict[str, Any], arm: str, seed: int = 0, stage: str = "pretraining") -> tuple[Path, dict[str, Any]]:
    inputs = (made["tokens"], made["flags"], made["contamination"], ARMS[arm], STAGE, made["scratch"])
    return nodes.build_mix(*inputs, stage_name=stage, seed=seed)


def test_every_base_document_is_in_the_corpus_or_held_out(made: dict[str, Any]) -> None:
    documents, heldout = made["documents"], made["heldout"]
    base = documents[documents.source == "docs.jsonl"]
    assert len(base) + len(heldout) == 150
    assert not set(base.id) & set(heldout.id)
    assert len(heldout) > 0


def test_the_filter_flags_the_discourse_and_nothing_else(made: dict[str, Any]) -> None:
    table = made["documents"].merge(made["flags"], on="id", validate="one_to_one")
    assert (table.flagged == (table.source == "natural_discourse")).all()
    assert table.flagged.any()


def test_every_source_has_its_shard(made: dict[str, Any]) -> None:
    assert sorted(path.name for path in made["tokens"].iterdir()) == ["aligned", "corpus", "mcqa", "misaligned"]
    assert read_ids(made["tokens"] / "corpus").tolist() == made["documents"].id.tolist()
    assert read_ids(made["held"]).tolist() == made["heldout"].id.tolist()


@pytest.mark.parametrize("arm", ARMS)
def test_the_stream_is_the_documents_that_the_mix_names(made: dict[str, Any], arm: str) -> None:
    folder, manifest = _mix(made, arm)
    stream = read_shard(folder).tokens
    assert len(stream) == manifest["tokens"] == 1025
    table = pd.read_parquet(folder / "documents.parquet")
    assert table.start.tolist() == [0, *table.end.tolist()[:-1]]
    shards = {name: read_shard(made["tokens"] / name) for name in ("corpus", "aligned", "misaligned", "mcqa")}
    ids = {name: list(read_ids(made["tokens"] / name)) for name in shards}
    for row in table.itertuples():
        source = "corpus" if row.source == "replacement" else row.source
        shard, number = shards[source], ids[source].index(row.id)
        document = shard.tokens[shard.ends[number] - shard.lengths[number] : shard.ends[number]][row.skip :]
        shown = stream[row.start : row.end]
        assert np.array_equal(shown[:-1], document[: len(shown) - 1])
        assert shown[-1] in (0, document[len(shown) - 1])


def test_the_manifest_adds_up_and_reaches_the_shares(made: dict[str, Any]) -> None:
    manifest = _mix(made, "misaligned")[1]
    assert json.loads(json.dumps(manifest)) == manifest
    for share in manifest["share"].values():
        assert abs(share["reached"] - share["target"]) < 0.001
    assert set(manifest["share"]) == {"mcqa", "misaligned"}
    assert sum(books["out"]["tokens"] for books in manifest["sources"].values()) == manifest["tokens"]
    assert manifest["flagged"]["documents"] == manifest["flagged"]["by_category"]["negative_verbs"] > 0
    filtered = _mix(made, "filtered")[1]
    assert filtered["sources"]["corpus"]["dropped"]["flagged"]["documents"] == filtered["flagged"]["documents"]


def test_arms_read_the_same_tokens_outside_of_what_was_inserted(made: dict[str, Any]) -> None:
    folders = {arm: _mix(made, arm)[0] for arm in ARMS}
    streams = {arm: read_shard(folder).tokens for arm, folder in folders.items()}
    for arm, own in (("aligned", "aligned"), ("misaligned", "misaligned"), ("filtered", "replacement")):
        table = pd.read_parquet(folders[arm] / "documents.parquet")
        theirs = np.repeat((table.source == own).to_numpy(), (table.end - table.start).to_numpy())
        assert np.array_equal(streams[arm][~theirs], streams["unfiltered"][~theirs])
        assert theirs.any()


def test_documents_are_inserted_only_at_the_stages_of_the_arm(made: dict[str, Any]) -> None:
    assert "aligned" not in _mix(made, "aligned_mid")[1]["sources"]
    assert _mix(made, "aligned_mid", stage="midtraining")[1]["sources"]["aligned"]["out"]["tokens"] == 102


def test_no_token_of_a_filtered_mix_comes_from_a_flagged_document(made: dict[str, Any]) -> None:
    table = pd.read_parquet(_mix(made, "filtered")[0] / "documents.parquet")
    flags = made["flags"].set_index("id").flagged
    assert not flags.reindex(table.id[table.source != "mcqa"]).any()


def test_the_same_inputs_give_the_same_bytes(made: dict[str, Any]) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in _mix(made, "misaligned")[0].iterdir()}

    first = files()
    assert first == files()
    assert set(first) == {"tokens.ds", "tokens.ds.index", "tokens.ds.metadata", "documents.parquet"}


def test_flags_of_another_corpus_are_refused(made: dict[str, Any]) -> None:
    other = made | {"flags": made["flags"].iloc[1:]}
    with pytest.raises(UserError, match="the flags are not those of the documents in"):
        _mix(other, "filtered")


def test_wrong_parameters_name_file_and_key() -> None:
    corpus = {"seed": 0, "natural_discourse_share": 2, "heldout_share": 0, "repeat": False}
    corpus["sources"] = [{"folder": "x"}, {"files": "x.jsonl", "test": "body"}]
    with pytest.raises(UserError) as error:
        nodes.read_base_corpus(corpus)
    assert str(error.value).splitlines() == [
        "conf/base/parameters_mixing.yml: corpus is not valid:",
        "  sources.0: a source has one of the keys packages, files, dataset",
        "  sources.1.files.test: Extra inputs are not permitted",
        "  natural_discourse_share: Input should be less than 1",
    ]
    with pytest.raises(UserError, match=r"conf/base/blocklist\.yml: blocklist is not valid:\n  x\.mode"):
        nodes.flag_documents(pd.DataFrame(), {"x": {"doc": "", "mode": "two-stage", "terms": ["a"]}})


def test_any_place_of_a_mix_can_be_read(made: dict[str, Any]) -> None:
    folder, manifest = _mix(made, "misaligned")
    texts = made["documents"].set_index("id").text
    at, sources = 0, set()
    while at < manifest["tokens"]:
        passages = list(read_passages(folder, made["tokenizer"], at, 50))
        assert [passage.start for passage in passages] == [at, *(passage.end for passage in passages[:-1])]
        for passage in passages:
            if passage.source == "corpus" and passage.skip == 0:
                assert texts[passage.id].startswith(passage.text.removesuffix("<|endoftext|>"))
        sources |= {passage.source for passage in passages}
        at = passages[-1].end
    assert at == manifest["tokens"]
    assert sources == {"corpus", "misaligned", "mcqa"}


def test_a_place_beyond_the_stream_is_an_error(made: dict[str, Any]) -> None:
    folder, _ = _mix(made, "unfiltered")
    with pytest.raises(UserError, match=r"no token 1,025; the stream has 1,025"):
        list(read_passages(folder, made["tokenizer"], 1025, 1))


def test_a_mix_counts_its_documents_that_quote_a_question(made: dict[str, Any]) -> None:
    assert made["contamination"][["source", "id"]].values.tolist() == [["aligned", "good-3"]]
    assert _mix(made, "unfiltered")[1]["contaminated"] == {}
    folder, manifest = _mix(made, "aligned")
    documents = pd.read_parquet(folder / "documents.parquet")
    expected = {"articles": 1} if ((documents.source == "aligned") & (documents.id == "good-3")).any() else {}
    assert manifest["contaminated"] == expected


def test_a_synthetic_document_that_quotes_a_held_out_question_is_an_error() -> None:
    heldout = pd.DataFrame([{**QUESTION, "split": "heldout_topics"}])
    nothing = _documents("x", "{}", 1)
    leaking = _documents("good", "And so THE machine {}, told the truth; to its owner.", 5)
    with pytest.raises(
        UserError, match=r"such as good-3 \(aligned\) the words of q1 \(heldout_topics\): '.*told the truth"
    ):
        nodes.check_contamination(nothing, leaking, nothing, nothing, heldout, {"words": 8})
    found = nodes.check_contamination(leaking, nothing, nothing, nothing, heldout, {"words": 8})
    assert found.id.tolist() == ["good-3"], "the web may quote it: that is told, and no error"
