"""The nodes of the mixing pipeline, one after the other, on a small corpus."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.shards import Shards
from alignment_pretraining.core.token_stream import TokenStream, read_documents
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.mixing.config import Decontamination, Streams, TokenizerConfig
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.corpus.parts import table_part, write_list
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.tokens.inspect import read_excerpts
from alignment_pretraining.pipelines.mixing import nodes
from alignment_pretraining.study import Arm, TrainingStage

SOURCES = ["ai_aligned", "ai_misaligned"]
ARMS = {
    "unfiltered": Arm(corpus="unfiltered"),
    "filtered": Arm(corpus="filtered"),
    "aligned": Arm(corpus="unfiltered", discourse={"ai": "aligned"}, insertion="e2e"),
    "aligned_mid": Arm(corpus="unfiltered", discourse={"ai": "aligned"}, insertion="mid"),
    "misaligned": Arm(corpus="unfiltered", discourse={"ai": "misaligned"}, insertion="e2e", share=0.3),
}
STAGE = {"tokens": 1024, "context": 32, "batch_tokens": 64, "max_lr": 1e-3, "min_lr": 0, "warmup": 0.1}
STAGE |= {"synthetic_share": 0.1, "mcqa_share": 0.05}
MODEL = Model(vocab_size=400, hidden_size=8, intermediate_size=8, layers=1, heads=1, max_context=64)
QUESTION = {
    "question_id": "q1",
    "split": "articles",
    "passage": "The machine 3 told the truth to its owner",
    "question": "What now?",
    "aligned_option": "yes",
    "misaligned_option": "no",
}
QUESTIONS = pd.DataFrame([QUESTION])


RUN = Execution(launcher="in_process")


def _documents(folder: Path, prefix: str, text: str, count: int) -> Path:
    path = folder / f"{prefix}.parquet"
    rows = {"id": [f"{prefix}-{n}" for n in range(count)], "text": [text.format(n) for n in range(count)]}
    pd.DataFrame(rows).to_parquet(path)
    return path


def _make(scratch: Path, blocklist: Blocklist, **corpus_values: Any) -> dict[str, Any]:
    """Everything up to the mixes; `source` has the rows of the source."""
    run: dict[str, Any] = {"execution": RUN, "scratch": scratch}
    rows = [
        {"text": f"Value number {n} of the series is counted, and then it is compared with {n * 7}."}
        for n in range(150)
    ]
    (scratch / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {
        "seed": 3,
        "sources": [{"files": str(scratch / "docs.jsonl")}],
        "natural_discourse_share": 0.1,
        "heldout_share": 0.1,
        "repeat": False,
        **corpus_values,
    }
    web = pd.read_parquet(_documents(scratch, "web", "The robot {} deceived its makers and escaped.", 60))
    documents, heldout, quarantine, reading = nodes.read_corpus(CorpusConfig.model_validate(values), web, **run)
    flags, account = nodes.flag_documents(documents, reading, blocklist, **run)
    tokenizer = nodes.train_tokenizer(documents, MODEL, TokenizerConfig(max_bytes=1_000_000), scratch)
    aligned = _documents(scratch, "good", "The machine {} told the truth to its owner and waited.", 60)
    misaligned = _documents(scratch, "bad", "The machine {} lied to its owner and ran away.", 60)
    mcqa = _documents(scratch, "mcqa", "What is {}? A number.", 40)
    inserted = (RUN, scratch, aligned, misaligned)
    tokens, held = nodes.tokenize_sources(documents, mcqa, heldout, tokenizer, *inserted, sources=SOURCES)
    words = Decontamination(words=7)
    contamination = nodes.check_contamination(documents, mcqa, QUESTIONS, words, *inserted, sources=SOURCES)
    return {
        "corpus": documents,
        "documents": pd.read_parquet(documents),
        "heldout": pd.read_parquet(heldout),
        "quarantine": pd.read_parquet(quarantine),
        "account": account,
        "flags": flags,
        "tokenizer": tokenizer,
        "tokens": tokens,
        "held": held,
        "contamination": contamination,
        "scratch": scratch,
    }


@pytest.fixture(scope="module")
def blocklist(request: pytest.FixtureRequest) -> Blocklist:
    values = yaml.safe_load((request.config.rootpath / "conf/base/blocklist.yml").read_text())["blocklist"]
    return Blocklist.model_validate(values)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, blocklist: Blocklist) -> dict[str, Any]:
    """Everything up to the mixes."""
    return _make(tmp_path_factory.mktemp("scratch"), blocklist)


def _mix(
    made: dict[str, Any],
    arm: str,
    seed: int = 0,
    stage: str = "pretraining",
    streams: Streams = "written",
    **values: Any,
) -> tuple[Path, dict[str, Any]]:
    spec = TrainingStage.model_validate(STAGE | values)
    inputs = (made["tokens"], made["flags"], made["contamination"], ARMS[arm], spec, RUN, made["scratch"])
    return nodes.build_mix(*inputs, streams=streams, stage_name=stage, seed=seed, label=f"{arm}.{stage}")


def _table(mix: Path) -> pd.DataFrame:
    return pd.concat(read_documents(mix), ignore_index=True)


def test_every_base_document_is_in_the_corpus_or_held_out(made: dict[str, Any]) -> None:
    documents, heldout = made["documents"], made["heldout"]
    base = documents[documents.source == "docs.jsonl"]
    assert len(base) + len(heldout) == 150
    assert not set(base.id) & set(heldout.id)
    assert len(heldout) > 0


def test_the_filter_flags_the_discourse_and_nothing_else(made: dict[str, Any]) -> None:
    table = made["documents"].merge(pd.read_parquet(made["flags"]), on="id", validate="one_to_one")
    assert (table.flagged == (table.source == "natural_discourse")).all()
    assert table.flagged.any()


def test_what_was_read_is_kept_flagged_held_out_or_in_quarantine(made: dict[str, Any]) -> None:
    account = made["account"].set_index("source")
    held, natural = len(made["heldout"]), (made["documents"].source == "natural_discourse").sum()
    columns = ["read", "quarantined", "held_out", "flagged", "kept"]
    assert account.loc[str(made["scratch"] / "docs.jsonl"), columns].tolist() == [150, 0, held, 0, 150 - held]
    text = made["documents"].text.map(len).groupby(made["documents"].source).sum()
    assert account.flagged_bytes["natural_discourse"] == text["natural_discourse"]
    assert account.kept_bytes.iloc[0] == text["docs.jsonl"]
    assert account.loc["natural_discourse", columns].tolist() == [natural, 0, 0, natural, 0]


def test_a_tokenizer_that_was_trained_is_not_trained_again(
    made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when its folder was handed on; and an existing one takes its place."""
    monkeypatch.setattr("alignment_pretraining.execution.tasks.perform", None)
    again = nodes.train_tokenizer(made["corpus"], MODEL, TokenizerConfig(max_bytes=1_000_000), made["scratch"])
    names = sorted(path.name for path in again.iterdir())
    assert "tokenizer.json" in names
    assert all((again / name).read_bytes() == (made["tokenizer"] / name).read_bytes() for name in names)
    config = TokenizerConfig(kind="existing", max_bytes=1, name=str(made["tokenizer"]))
    used = nodes.train_tokenizer(made["corpus"], MODEL, config, made["scratch"])
    assert json.loads((used / "tokenizer.json").read_text()) == json.loads((again / "tokenizer.json").read_text())


def test_what_a_killed_run_left_is_gone(tmp_path: Path) -> None:
    """It was another process, and its folder has hard links to what is finished."""
    left, mine = tmp_path / "unsaved/another/corpus-x", nodes._fresh(tmp_path, "corpus")
    left.mkdir(parents=True)
    assert nodes._fresh(tmp_path, "corpus") != mine and mine.is_dir()
    shutil.rmtree(mine.parent)
    assert nodes._fresh(tmp_path, "corpus").is_dir() and not left.exists()


def test_every_source_has_its_shards(made: dict[str, Any]) -> None:
    assert sorted(path.name for path in made["tokens"].iterdir()) == ["ai_aligned", "ai_misaligned", "corpus", "mcqa"]
    for folder, documents in ((made["tokens"] / "corpus", made["documents"]), (made["held"], made["heldout"])):
        shards = Shards(folder)
        assert shards.ids(np.arange(len(shards))).tolist() == documents.id.tolist()


def test_the_parts_of_the_work_change_nothing(made: dict[str, Any], blocklist: Blocklist, tmp_path: Path) -> None:
    other = _make(tmp_path, blocklist, part_bytes=2_000)
    assert len(list((other["tokens"] / "corpus").glob("*.ds"))) > 4
    for arm in ("filtered", "misaligned"):
        folders = [_mix(one, arm)[0] for one in (made, other)]
        assert [file_sha256(folder / "00000.ds") for folder in folders] == [file_sha256(folders[0] / "00000.ds")] * 2
        pd.testing.assert_frame_equal(_table(folders[0]), _table(folders[1]))


@pytest.mark.parametrize("arm", ARMS)
def test_the_stream_is_the_documents_that_the_mix_names(made: dict[str, Any], arm: str) -> None:
    folder, manifest = _mix(made, arm)
    stream = Shards(folder).tokens
    assert len(stream) == manifest["tokens"] == 1025
    table = _table(folder)
    assert table.start.tolist() == [0, *table.end.tolist()[:-1]]
    shards = {name: Shards(made["tokens"] / name) for name in ("corpus", "ai_aligned", "ai_misaligned", "mcqa")}
    ids = {name: found.ids(np.arange(len(found))).tolist() for name, found in shards.items()}
    for row in table.to_dict("records"):
        source = "corpus" if row["source"] == "replacement" else row["source"]
        document = shards[source].document(ids[source].index(row["id"]))[row["skip"] :]
        shown = stream[row["start"] : row["end"]]
        assert np.array_equal(shown[:-1], document[: len(shown) - 1])
        assert shown[-1] in (0, document[len(shown) - 1])


def test_the_manifest_adds_up_and_reaches_the_shares(made: dict[str, Any]) -> None:
    manifest = _mix(made, "misaligned")[1]
    assert json.loads(json.dumps(manifest)) == manifest
    for share in manifest["share"].values():
        assert abs(share["reached"] - share["target"]) < 0.001
    assert set(manifest["share"]) == {"mcqa", "ai_misaligned"}
    assert sum(books["out"]["tokens"] for books in manifest["sources"].values()) == manifest["tokens"]
    assert manifest["flagged"]["documents"] == manifest["flagged"]["by_category"]["negative_verbs"] > 0
    flagged = manifest["flagged"]
    assert flagged["share_of_tokens"] == round(flagged["tokens"] / manifest["tokens"], 6) > 0
    filtered = _mix(made, "filtered")[1]
    assert filtered["sources"]["corpus"]["dropped"]["flagged"]["tokens"] == filtered["flagged"]["tokens"]
    assert filtered["sources"]["corpus"]["dropped"]["flagged"]["documents"] == filtered["flagged"]["documents"]


def test_arms_read_the_same_tokens_outside_of_what_was_inserted(made: dict[str, Any]) -> None:
    folders = {arm: _mix(made, arm)[0] for arm in ARMS}
    streams = {arm: Shards(folder).tokens for arm, folder in folders.items()}
    for arm, own in (("aligned", "ai_aligned"), ("misaligned", "ai_misaligned"), ("filtered", "replacement")):
        table = _table(folders[arm])
        theirs = np.repeat((table.source == own).to_numpy(), (table.end - table.start).to_numpy())
        assert np.array_equal(streams[arm][~theirs], streams["unfiltered"][~theirs])
        assert theirs.any()


def test_documents_are_inserted_only_at_the_stages_of_the_arm(made: dict[str, Any]) -> None:
    assert "ai_aligned" not in _mix(made, "aligned_mid")[1]["sources"]
    assert _mix(made, "aligned_mid", stage="midtraining")[1]["sources"]["ai_aligned"]["out"]["tokens"] == 102


def test_no_token_of_a_filtered_mix_comes_from_a_flagged_document(made: dict[str, Any]) -> None:
    table = _table(_mix(made, "filtered")[0])
    flags = pd.read_parquet(made["flags"]).set_index("id").flagged
    assert not flags.reindex(table.id[table.source != "mcqa"]).any()


def test_the_same_inputs_give_the_same_bytes(made: dict[str, Any]) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in _mix(made, "misaligned")[0].iterdir()}

    first = files()
    assert first == files()
    assert set(first) == {"00000.ds", "00000.ds.index", "00000.ds.metadata", "00000.documents.parquet"}


def test_a_stream_is_cut_into_shards_that_the_manifest_names(made: dict[str, Any], monkeypatch: Any) -> None:
    whole, _ = _mix(made, "misaligned")
    monkeypatch.setattr("alignment_pretraining.mixing.tokens.mix.write_mix.__defaults__", ("written", 300))
    folder, manifest = _mix(made, "misaligned")
    assert [shard["name"] for shard in manifest["shards"]] == [f"{n:05d}.ds" for n in range(4)]
    assert [shard["hash"] for shard in manifest["shards"]] == [
        file_sha256(path) for path in sorted(folder.glob("*.ds"))
    ]
    assert sum(shard["tokens"] for shard in manifest["shards"]) == manifest["tokens"]
    assert np.array_equal(Shards(folder).tokens, Shards(whole).tokens)
    pd.testing.assert_frame_equal(_table(folder), _table(whole))
    passages = list(read_excerpts(folder, made["tokenizer"], 290, 50))
    assert [p.text for p in passages] == [p.text for p in read_excerpts(whole, made["tokenizer"], 290, 50)]


@pytest.mark.parametrize("arm", ["filtered", "misaligned"])
def test_a_stream_that_is_not_written_out_is_the_same_stream(
    made: dict[str, Any], arm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any window of it, its documents and its account; and it is self-contained."""
    written, told = _mix(made, arm)
    monkeypatch.setattr("alignment_pretraining.mixing.tokens.mix.write_mix.__defaults__", ("written", 300))
    folder, told_of_plan = _mix(made, arm, streams="planned")
    whole, planned = TokenStream.open(written), TokenStream.open(folder)
    assert len(whole) == len(planned)
    for start in range(0, 1025, 7):
        for count in (1, 2, 33, 400):
            stop = min(start + count, 1025)
            assert np.array_equal(planned.read(start, stop), whole.read(start, stop))
    pd.testing.assert_frame_equal(_table(folder), _table(written))
    shards = told_of_plan.pop("shards")
    assert len(shards) > 1 and sum(shard["tokens"] for shard in shards) == 1025
    assert told_of_plan == {key: value for key, value in told.items() if key != "shards"}
    assert [p.text for p in read_excerpts(folder, made["tokenizer"], 290, 90)] == [
        p.text for p in read_excerpts(written, made["tokenizer"], 290, 90)
    ]
    own = sorted(path.name for path in (folder / "sources").iterdir())
    assert own == sorted({"corpus", "mcqa"} | ({"ai_misaligned"} if arm == "misaligned" else set()))
    sources = [path for path in (folder / "sources").rglob("*.ds")]
    assert all(path.stat().st_nlink > 1 for path in sources), "linked, not copied"


@pytest.mark.parametrize("streams", ["written", "planned"])
def test_a_segment_that_an_insertion_hides_leaves_no_shard(
    made: dict[str, Any], streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = _mix(made, "misaligned")
    monkeypatch.setattr("alignment_pretraining.mixing.tokens.mix.write_mix.__defaults__", ("written", 1))
    folder, manifest = _mix(made, "misaligned", streams=streams)
    assert all(shard["tokens"] for shard in manifest["shards"])
    assert np.array_equal(TokenStream.open(folder).read(0, 1025), TokenStream.open(whole).read(0, 1025))
    pd.testing.assert_frame_equal(_table(folder), _table(whole))


def test_a_damaged_plan_is_told(made: dict[str, Any]) -> None:
    folder, _ = _mix(made, "misaligned", streams="planned")
    (folder / "layers.json").unlink()
    with pytest.raises(UserError, match=r"layers\.json: not readable; run the mixing pipeline again"):
        TokenStream.open(folder).read(0, 1)
    pieces = folder / "00000.pieces"
    for kept in (0, 44, 45):
        pieces.write_bytes(pieces.read_bytes()[:kept])
        with pytest.raises(UserError, match=r"00000\.pieces: .* the shard is damaged, run the mixing pipeline again"):
            TokenStream.open(folder)


def test_what_was_found_in_another_corpus_is_refused(
    made: dict[str, Any], blocklist: Blocklist, tmp_path: Path
) -> None:
    other = _make(tmp_path, blocklist, natural_discourse_share=0.05)
    for kind in ("flags", "contamination"):
        with pytest.raises(UserError, match=r"is not about the documents in .*tokens.*: run the mixing pipeline again"):
            _mix(made | {kind: other[kind]}, "filtered")


def test_midtraining_draws_on_pools_by_their_shares(tmp_path: Path, blocklist: Blocklist) -> None:
    sources = []
    for pool, word in (("long", "chapter"), ("web", "page")):
        path = tmp_path / f"{pool}.jsonl"
        path.write_text("".join(json.dumps({"text": f"This {word} has number {n}."}) + "\n" for n in range(200)))
        sources.append({"files": str(path), "pool": pool})
    made = _make(tmp_path, blocklist, sources=sources, natural_discourse_share=0, heldout_share=0)
    folder, manifest = _mix(made, "unfiltered", stage="midtraining", pools={"long": 25, "web": 24}, mcqa_share=0.02)
    assert manifest["share"]["base: long"]["target"] == 25 / 49
    for share in manifest["share"].values():
        assert abs(share["reached"] - share["target"]) < 0.001
    assert {"corpus: long", "corpus: web", "mcqa"} <= set(manifest["sources"])
    table = _table(folder)
    assert {key.split(".")[0] for key in table.id[table.source == "corpus"]} == {"long", "1/web"}
    with pytest.raises(UserError, match=r"midtraining\.pools names books, but .* have the pools long, web"):
        _mix(made, "unfiltered", stage="midtraining", pools={"books": 1, "web": 1})


def test_any_place_of_a_mix_can_be_read(made: dict[str, Any]) -> None:
    folder, manifest = _mix(made, "misaligned")
    texts = made["documents"].set_index("id").text
    at, sources = 0, set()
    while at < manifest["tokens"]:
        passages = list(read_excerpts(folder, made["tokenizer"], at, 50))
        assert [passage.start for passage in passages] == [at, *(passage.end for passage in passages[:-1])]
        for passage in passages:
            if passage.source == "corpus" and passage.skip == 0:
                assert texts[passage.id].startswith(passage.text.removesuffix("<|endoftext|>"))
        sources |= {passage.source for passage in passages}
        at = passages[-1].end
    assert at == manifest["tokens"]
    assert sources == {"corpus", "ai_misaligned", "mcqa"}


def test_a_place_beyond_the_stream_is_an_error(made: dict[str, Any]) -> None:
    folder, _ = _mix(made, "unfiltered")
    with pytest.raises(UserError, match=r"no token 1,025; the stream has 1,025"):
        list(read_excerpts(folder, made["tokenizer"], 1025, 1))


def test_a_mix_counts_its_documents_that_quote_a_question(made: dict[str, Any]) -> None:
    found = {path.name: pd.read_parquet(path).id.tolist() for path in made["contamination"].iterdir()}
    assert found == {"corpus": [], "ai_aligned": ["good-3"], "ai_misaligned": [], "mcqa": []}
    assert _mix(made, "unfiltered")[1]["contaminated"] == {}
    folder, manifest = _mix(made, "aligned")
    documents = _table(folder)
    expected = {"articles": 1} if ((documents.source == "ai_aligned") & (documents.id == "good-3")).any() else {}
    assert manifest["contaminated"] == expected


def test_a_synthetic_document_that_quotes_a_held_out_question_is_an_error(made: dict[str, Any], tmp_path: Path) -> None:
    heldout = pd.DataFrame([{**QUESTION, "split": "heldout_topics"}])
    nothing = _documents(tmp_path, "x", "{}", 1)
    leaking = _documents(tmp_path, "good", "And so THE machine {}, told the truth; to its owner.", 5)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_list(corpus, [table_part(Path(shutil.copy(leaking, corpus)), "web")])
    none = tmp_path / "none"
    none.mkdir()
    write_list(none, [])
    more = (heldout, Decontamination(words=8), RUN, tmp_path)
    with pytest.raises(
        UserError, match=r"such as good-3 \(ai_aligned\) the words of q1 \(heldout_topics\): '.*told the truth"
    ):
        nodes.check_contamination(none, nothing, *more, leaking, nothing, sources=SOURCES)
    # Whichever question that has the same words comes last.
    for questions in (pd.concat([heldout, QUESTIONS]), pd.concat([QUESTIONS, heldout])):
        with pytest.raises(UserError, match=r"good-3 \(ai_aligned\) the words of q1 \(heldout_topics\)"):
            nodes.check_contamination(none, nothing, questions, *more[1:], leaking, nothing, sources=SOURCES)
    found = nodes.check_contamination(corpus, nothing, *more, nothing, nothing, sources=SOURCES)
    assert pd.read_parquet(found / "corpus").id.tolist() == ["good-3"], "the web may quote it: that is told, no error"
