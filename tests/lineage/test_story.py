"""A number's story on one screen: what it says, what it rests on, and whether it holds."""

from io import StringIO

import pytest
from rich.console import Console

from alignment_pretraining.lineage.numbers import find_number
from alignment_pretraining.lineage.story import as_story
from alignment_pretraining.lineage.trace import trace
from tests.lineage.small_graph import RATES, Small


def _lines(small: Small, key: str = "rate/a") -> list[str]:
    graph = small.graph
    console = Console(file=StringIO(), width=300)
    console.print(as_story(graph, trace(graph, find_number(graph, key))), highlight=False)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def _section(lines: list[str], title: str) -> list[str]:
    rest = lines[lines.index(title) + 1 :]
    return [line.strip() for line in (rest[: rest.index("")] if "" in rest else rest)]


def test_the_story_of_a_number_that_holds(run_small: Small) -> None:
    lines, graph = _lines(run_small), run_small.graph
    assert lines[:3] == ["rate/a = 0.3", "95 % interval 0.1 to 0.5; 4 questions", ""]
    checkpoint, words = ((graph.digest(name) or "")[:8] for name in ("a.seed0.pretraining.checkpoint", "words"))
    assert _section(lines, "checkpoints") == [f"✓ a pretraining, seeds 0: {checkpoint}"]
    assert _section(lines, "made from") == [f"✓ data/words.txt {words}"]
    assert _section(lines, "made by") == [
        "commit  0123456789",
        "when    2026-11-29T09:00:00+00:00 to 2026-11-29T09:00:00+00:00: 3 nodes, 4 s",
        "on      processor a processor, cores 2",
        "DVC     mixing → training → reporting",
    ]
    assert _section(lines, "holds") == ["✓ all 4 files and folders of the chain are as their records say"]


def test_what_does_not_hold_is_told_with_its_command(run_small: Small) -> None:
    run_small.write("data/words.txt", "other words")
    holds = _section(_lines(run_small), "holds")
    assert holds[0] == "✗ 1 of 4 steps are not as their records say"
    assert holds[1:] == [
        "tokens: input words changed (data/words.txt)",
        "make it again: kedro run --pipelines mixing --namespaces corpus",
    ]


def test_another_column_has_no_interval_of_the_rate(run_small: Small) -> None:
    assert _lines(run_small, "rate/a:n_items")[:2] == ["rate/a:n_items = 4", ""]


def test_what_a_stage_read_is_told_with_its_doses(small: Small) -> None:
    small.nodes["a.seed0.train"]["outputs"].append("a.seed0.pretraining.manifest")
    small.paths["a.seed0.pretraining.manifest"] = "data/manifest.json"
    small.run()
    share = '{"ai_aligned": {"reached": 0.0123}, "mcqa": {"reached": 0}}'
    small.write("data/manifest.json", f'{{"tokens": 51200, "share": {share}}}')
    assert "read 51,200 tokens: ai_aligned 1.23%, the corpus else" in _section(_lines(small), "checkpoints")
    small.write("data/manifest.json", '{"tokens": 51200, "share": {}}')
    assert "read 51,200 tokens: the corpus" in _section(_lines(small), "checkpoints")
    small.write("data/manifest.json", '{"tokens": ')
    assert "what it read is not known: its manifest is damaged" in _section(_lines(small), "checkpoints")


def test_many_trainings_are_one_line_with_their_hashes_cut(small: Small) -> None:
    for seed in range(1, 6):
        checkpoint = f"a.seed{seed}.pretraining.checkpoint"
        small.add(
            f"a.seed{seed}.train", ["tokens", "params:stage"], [checkpoint], pipeline="training", function="train"
        )
        small.nodes["reporting.report"]["inputs"].append(checkpoint)
        small.paths[checkpoint] = f"data/models/{checkpoint}"
    small.run()
    (line,) = _section(_lines(small), "checkpoints")
    assert line.startswith("✓ a pretraining, seeds 0 1 2 3 4 5: ")
    assert len(line.partition(": ")[2].split()) < 9
    small.make("a.seed3.pretraining.checkpoint", "edited")
    assert _section(_lines(small), "checkpoints")[0].startswith("✗ a pretraining")


def test_a_number_about_no_model_says_so(small: Small) -> None:
    small.add("mixing.quality", ["words"], ["filter_quality"], pipeline="mixing")
    small.paths["filter_quality"] = "data/quality.csv"
    small.run()
    small.make("filter_quality", "key,value\nquality/precision,0.9\n")
    assert _section(_lines(small, "quality/precision"), "checkpoints") == ["none: it speaks of no model"]


CONTRAST = (
    "key,arm,stage,reference,reference_stage,name,value,low,high,over,by_seed,left,right,form,split,expect,verdict,p,p_holm,"
    'controls_hold\ncontrast/c,a,pretraining,b,pretraining,c,0.25,0.1,0.4,items and seeds,"{""0"": 0.25}",a (none),'
    "b (none),open,articles,higher,shown,0.001,0.012,{holds}\n"
)


@pytest.mark.parametrize(("holds", "said"), [("True", "hold"), ("False", "FAIL")])
def test_a_contrast_is_told_as_it_was_declared(small: Small, holds: str, said: str) -> None:
    small.add("reporting.contrasts", ["rates"], ["contrasts"], pipeline="reporting")
    small.paths["contrasts"] = "data/contrasts.csv"
    small.run()
    small.make("contrasts", CONTRAST.replace("{holds}", holds))
    assert _lines(small, "contrast/c")[:5] == [
        "contrast/c = 0.25",
        "95 % interval 0.1 to 0.4 over items and seeds",
        "by seed 0: 0.25",
        "a (none) minus b (none), open, articles",
        f"declared higher: shown, p 0.001, after Holm 0.012; controls {said}",
    ]


def test_environments_optional_pipelines_and_runs_are_named(small: Small) -> None:
    other = Small(small.root / "other", "test")
    for arm in "ab":
        other.nodes[f"{arm}.seed0.train"]["optional"] = True
    other.run(mlflow_run="0a1b")
    lines = _section(_lines(other), "made by")
    assert "DVC     mixing → reporting of environments/test/dvc.yaml; it does not know training" in lines
    assert lines[-3:] == ["MLflow  mixing 0a1b", "MLflow  reporting 0a1b", "MLflow  training of a seed0 0a1b"]


def test_several_commits_are_all_named_and_seconds_of_a_node_count_once(small: Small) -> None:
    small.nodes["corpus.tokenize"]["outputs"].append("counts")
    small.paths["counts"] = None
    small.run(seconds=10)
    small.write("src/toy/text.py", "def split(text):\n    return list(text)\n")
    small.run("corpus.tokenize", commit="f" * 40, dirty=True, when="2026-11-30T10:00:00+00:00", seconds=10)
    lines = _section(_lines(small), "made by")
    assert lines[0] == "commit  0123456789, ffffffffff + uncommitted changes"
    assert lines[1] == "when    2026-11-29T09:00:00+00:00 to 2026-11-30T10:00:00+00:00: 3 nodes, 30 s"


def test_names_with_brackets_are_shown_as_they_are(small: Small) -> None:
    small.paths["words"] = "data/[a-z] [/] words.txt"
    small.run()
    small.make("rates", RATES.replace("rate/a,", "rate/[a-z][/],"))
    lines = _lines(small, "rate/[a-z][/]")
    assert lines[0] == "rate/[a-z][/] = 0.3"
    assert any("data/[a-z] [/] words.txt" in line for line in lines)
