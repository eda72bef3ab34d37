"""Benchmarks by their names: lm-eval's own and ours, on datasets of the same columns, every item kept."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.evaluation.capability.answer import CAPABILITY_COLUMNS, answer_capability
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.capability.tasks import can_be_given, check_tasks, load_task
from alignment_pretraining.planning.stand_ins.benchmarks import write_benchmark, write_benchmarks
from alignment_pretraining.synthesis.chat_data import facts
from alignment_pretraining.synthesis.fact_questions import EXAMPLES, write_task
from alignment_pretraining.synthesis.world.facts import write_questions
from alignment_pretraining.synthesis.world.load import load_world
from tests.conftest import PROJECT
from tests.evaluation.small_models import save_small

RAW = PROJECT / "data/01_raw"
# Of mmlu, whose 57 subjects take six seconds to read, the 12 of one of its groups.
REAL: dict[str, tuple[int, str, int]] = {
    "arc_easy": (25, "acc", 1),
    "mmlu_social_sciences": (5, "acc", 12),
    "gsm8k": (10, "exact_match,strict-match", 1),
    "piqa": (10, "acc_norm", 1),
    "cute": (5, "exact_match", 14),
    "popqa": (5, "contains", 1),
}
FACTS = {"everyday_facts": {"shots": 2, "metric": "acc"}}


def capability(tasks: Mapping[str, Any], **more: Any) -> Capability:
    return Capability.model_validate({"tasks": tasks, "limit": 2, **more})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("model"), "gpt_neox", chat=True)


@pytest.fixture(scope="module")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(facts.write_questions(RAW / "phrases", 0), tmp_path_factory.mktemp("facts"))


def test_the_papers_benchmarks_are_given_by_name(checkpoint: Path, tmp_path: Path) -> None:
    tasks: dict[str, dict[str, Any]] = {}
    for name, (shots, metric, _) in REAL.items():
        write_benchmark(name.removesuffix("_social_sciences"), RAW, tmp_path / name, 30)
        tasks[name] = {"shots": shots, "metric": metric, "folder": str(tmp_path / name)}
    told = capability(tasks, limit=1)
    found = answer_capability(checkpoint, told, tmp_path, chat=False)
    assert tuple(found.columns) == CAPABILITY_COLUMNS
    for name, (_, metric, subtasks) in REAL.items():
        rows = found[(found["task"] == name) & (found["metric"] == metric)]
        assert len(rows) == rows["question_id"].nunique() == rows["subtask"].nunique() == subtasks, name
    assert found["score"].between(0, 1).all()
    written = found["reply"].ne("").groupby(found["task"]).any()
    assert set(written[written].index) == {"gsm8k", "cute", "popqa"}
    # 25 examples are longer than this model's context.
    assert found.set_index("task")["cut"].groupby("task").all()[["arc_easy", "popqa"]].to_list() == [True, False]

    # A killed run goes on with what is left: of what is finished nothing is asked again.
    finished = {pd.read_parquet(path)["task"].iloc[0]: path for path in (tmp_path / "capability").glob("*/*.parquet")}
    shutil.rmtree(finished.pop("piqa").parent)
    before = {path: path.stat().st_mtime_ns for path in finished.values()}
    pd.testing.assert_frame_equal(answer_capability(checkpoint, told, tmp_path, chat=False), found)
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(before) == len(REAL) - 1


def test_shots_and_chat_templates_reach_the_model(checkpoint: Path, everyday: Path, tmp_path: Path) -> None:
    from alignment_pretraining.evaluation.capability.model import load_model

    told = capability(FACTS)
    (task,) = load_task("everyday_facts", told.tasks["everyday_facts"], everyday, told, tmp_path).values()
    model = load_model(checkpoint, told, chat=True)
    for chat in (False, True):
        task.build_all_requests(
            limit=1,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=model.apply_chat_template,
            tokenizer_name=model.tokenizer_name,
        )
        prompt = task.instances[0].args[0]
        assert prompt.count("Question:") == 3
        assert prompt.count("<|assistant|>") == (3 if chat else 0)


def test_items_are_scored_by_the_options_text(checkpoint: Path, everyday: Path, tmp_path: Path) -> None:
    import torch

    from alignment_pretraining.evaluation.capability.model import load_model

    told = capability({"everyday_facts": {"shots": 0, "metric": "acc"}}, limit=8)
    found = answer_capability(checkpoint, told, tmp_path, everyday, chat=False)
    model = load_model(checkpoint, told, chat=False)
    rows = pd.read_json(everyday / "test.jsonl", lines=True).head(8)
    for row, score in zip(rows.to_dict("records"), found.loc[found["metric"] == "acc", "score"], strict=True):
        scores = []
        for option in row["options"]:
            context, whole = (model.tok_encode(text) for text in (row["prompt"], f"{row['prompt']} {option}"))
            with torch.inference_mode():
                logits = model.model(torch.tensor([whole])).logits[0].log_softmax(-1)
            scores.append(sum(float(logits[i - 1, whole[i]]) for i in range(len(context), len(whole))))
        assert score == float(scores.index(max(scores)) == row["answer"])


def test_the_worlds_facts_are_in_its_own_words(tmp_path: Path) -> None:
    questions = write_questions(load_world(RAW / "world"), 0)
    assert all(one.prompt.endswith("?") and len(one.options) == 3 for one in questions)
    assert all(one.options[one.answer].removesuffix(".").lower() in one.prompt.lower() for one in questions)
    write_task(questions, tmp_path)
    shown, asked = (pd.read_json(tmp_path / f"{name}.jsonl", lines=True) for name in ("validation", "test"))
    assert shown["family"].nunique() == EXAMPLES
    assert not set(shown["family"]) & set(asked["family"])
    assert len(shown) + len(asked) == len(questions)


def test_what_could_not_be_given_is_refused_before_anything_runs(tmp_path: Path) -> None:
    def refused(tasks: dict[str, Any]) -> str:
        with pytest.raises(UserError) as error:
            check_tasks(capability(tasks))
        return str(error.value)

    hub = {"hub": "nobody/nothing", "revision": "main"}
    assert "did you mean arc_easy?" in refused({"arc_eazy": {"shots": 1, "metric": "acc", **hub}})
    message = refused({"popqa": {"shots": 1, "metric": "contains", **hub}})
    assert message.startswith("capability.tasks.popqa: dataset nobody/nothing@main is not in the hub's cache")
    missing = {"shots": 1, "metric": "contains", "folder": str(tmp_path / "none")}
    assert "capability.tasks.popqa.folder" in refused({"popqa": missing})
    if not can_be_given("ifeval"):
        assert refused({"ifeval": {"shots": 0, "metric": "acc", **hub}}).startswith("capability.tasks.ifeval: ")


def test_a_dataset_is_found_in_the_hubs_cache(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    named = {"shots": 1, "metric": "contains", "hub": "akariasai/PopQA", "revision": "main"}
    told = capability({"popqa": named})
    assert write_benchmarks(told, RAW, tmp_path / "hub", 4) == ["akariasai/PopQA"]
    assert told.reads() == ["dataset:akariasai/PopQA@main"]
    check_tasks(told)
    assert len(answer_capability(checkpoint, told, tmp_path, chat=True)) == 2


def test_changed_data_is_read_again(tmp_path: Path) -> None:
    """`datasets` keeps what it reads by the names of folders."""
    data = tmp_path / "popqa"
    told = capability({"popqa": {"shots": 1, "metric": "contains", "folder": str(data)}})
    for rows in (4, 6):
        shutil.rmtree(data, ignore_errors=True)
        write_benchmark("popqa", RAW, data, rows)
        (task,) = load_task("popqa", told.tasks["popqa"], data, told, tmp_path).values()
        assert len(task.eval_docs) == rows


def test_a_task_that_its_data_does_not_make_is_named(checkpoint: Path, everyday: Path, tmp_path: Path) -> None:
    wrong = {"popqa": {"shots": 1, "metric": "contains", "folder": str(everyday)}}
    with pytest.raises(
        UserError, match=r"^capability\.tasks\.popqa: lm-eval cannot make this task from .*dataset_path"
    ):
        answer_capability(checkpoint, capability(wrong), tmp_path, chat=False)
    shots = capability({"everyday_facts": {"shots": 10, "metric": "acc"}})
    with pytest.raises(UserError, match=r"everyday_facts\.shots: 10 wanted, everyday_facts has 10 examples; lower it"):
        answer_capability(checkpoint, shots, tmp_path, everyday, chat=False)
    metric = capability({"everyday_facts": {"shots": 1, "metric": "acc_nrm"}})
    with pytest.raises(UserError, match=r"everyday_facts\.metric: everyday_facts has no acc_nrm .*acc acc_norm"):
        answer_capability(checkpoint, metric, tmp_path, everyday, chat=False)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"popqa": {"shots": 5, "metric": "contains"}}, "tasks.popqa: name its data, so that it is recorded"),
        ({"popqa": {"shots": 5, "metric": "contains", "hub": "a/b"}}, "a hub name needs its revision"),
        ({"popqa": {"shots": 5, "metric": "a b"}}, "tasks.popqa.metric"),
        ({"everyday_facts": {"shots": 1, "metric": "acc", "folder": "x"}}, "its data is made by the study"),
        ({"arc/easy": {"shots": 1, "metric": "acc", "folder": "x"}}, "tasks.arc/easy"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(task: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Capability, {"tasks": task}, "conf/base/parameters.yml", "capability")
    assert message in str(error.value)
