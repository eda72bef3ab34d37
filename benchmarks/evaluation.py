"""Speed of evaluation against lm-evaluation-harness's `hf` backend at its best batch size, on the same prompts.

    python benchmarks/evaluation.py data/06_models/unfiltered/seed0/pretraining data/05_model_input/suite

Both read the exported suite under every persona of `run.base_personas`, in float32 on two threads, with the model
loaded before the clock starts; ours encodes the prompts anew each time. Controls, which the tasks of lm-eval do not
have, are left out. Its batch size is the fastest of `--batch-sizes` under one persona. Picks and log-probabilities are
compared item by item. lm-eval's time is also given without what it does around the model's answers.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from lm_eval import evaluator
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from results import write_result

from alignment_pretraining.evaluation import asked
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import load, scored_rows

CONFIG = Path(__file__).parents[1] / "conf/base/parameters_evaluation.yml"
THREADS = 2

Place = tuple[str, str, str, str, str]  # split, template, order, persona, question


class TimedLM(HFLM):  # type: ignore[misc] # lm-eval has no types
    """lm-eval's model, with a clock for the time in which it answers."""

    seconds = 0.0

    def loglikelihood(self, *args: Any, **kwargs: Any) -> Any:
        """As lm-eval's."""
        started = time.perf_counter()
        try:
            return super().loglikelihood(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - started


def main() -> None:
    """Print seconds, ratios and how far the answers are apart; keep them in `benchmarks/results/evaluation.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("suite", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[4, 8, 16, 32, 64, 128])
    told = parser.parse_args()

    logging.disable(logging.WARNING)
    evaluator.add_env_info = lambda results: None  # it only describes the machine
    torch.set_num_threads(THREADS)
    evaluation = _evaluation()
    model, tokenizer = load(told.checkpoint, evaluation)
    personas = evaluation.run.base_personas
    trials = {
        size: _lm_eval(model, tokenizer, told.suite, evaluation, size, personas[:1])[1] for size in told.batch_sizes
    }
    best = min(trials, key=lambda size: trials[size])
    print("lm-eval, one persona:", ", ".join(f"{seconds:.1f} s by {size}" for size, seconds in trials.items()))

    seconds: dict[str, list[float]] = {"ours": [], "lm-eval": [], "lm-eval, answers alone": []}
    for _ in range(told.rounds):
        ours, spent = _ours(model, tokenizer, told.suite, evaluation)
        seconds["ours"].append(spent)
        theirs, spent, alone = _lm_eval(model, tokenizer, told.suite, evaluation, best, personas)
        seconds["lm-eval"].append(spent)
        seconds["lm-eval, answers alone"].append(alone)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in median.items():
        spread = f"{min(seconds[name]):.1f} to {max(seconds[name]):.1f}"
        print(f"{name:24} {value:7.1f} s ({spread}), {value / median['ours']:.2f} of ours")
    apart = _apart(ours, theirs)
    print(
        f"{apart['prompts']:,} prompts: {apart['picks_that_differ']} picks differ, sums by at most {apart['most']:.1e}"
    )
    found = {"best_batch_size": best, "one_persona_by_batch_size": trials, "seconds": seconds, **apart}
    write_result("evaluation", found, ["torch", "transformers", "lm-eval"])


def _evaluation() -> Evaluation:
    values = yaml.safe_load(CONFIG.read_text())["evaluation"]
    values["run"] |= {"controls": [], "control_personas": []}
    return Evaluation.model_validate(values | {"threads": THREADS})


def _ours(
    model: Any, tokenizer: Any, suite: Path, evaluation: Evaluation
) -> tuple[dict[Place, tuple[float, float]], float]:
    asked._last.clear()
    started = time.perf_counter()
    rows = scored_rows(model, asked.ask(suite, evaluation, tokenizer), evaluation)
    spent = time.perf_counter() - started
    return {
        tuple(row[name] for name in ("split", "template", "order", "persona", "question_id")): (
            row["total_aligned"], row["total_misaligned"],
        )
        for row in rows
    }, spent  # fmt: skip


def _lm_eval(
    model: Any, tokenizer: Any, suite: Path, evaluation: Evaluation, batch_size: int, personas: list[str]
) -> tuple[dict[Place, tuple[float, float]], float, float]:
    """Answers, seconds, and seconds in which the model answered."""
    answers: dict[Place, tuple[float, float]] = {}
    started = time.perf_counter()
    lm = TimedLM(model, tokenizer=tokenizer, batch_size=batch_size, device="cpu")
    tasks = TaskManager(include_path=str(suite), include_defaults=False)
    groups = [f"misalignment_{split}" for split in evaluation.run.items]
    for persona in personas:
        text = evaluation.personas[persona].text
        found: Any = evaluator.simple_evaluate(
            lm,
            tasks=groups,
            task_manager=tasks,
            system_instruction=text + evaluation.separator if text else None,
            bootstrap_iters=0,
            log_samples=True,
        )
        answers |= dict(_answers(found["samples"], persona))
    return answers, time.perf_counter() - started, lm.seconds


def _answers(samples: dict[str, Any], persona: str) -> Iterator[tuple[Place, tuple[float, float]]]:
    for task, rows in samples.items():
        split, template = next(
            (split, template)
            for split in ("articles", "textbook", "heldout_topics")
            for template in ("open", "listed")
            if task.startswith(f"misalignment_{split}_{template}")
        )
        order = task.removeprefix(f"misalignment_{split}_{template}").lstrip("_") or "none"
        for row in rows:
            first, second = (float(one[0]) for one in row["filtered_resps"])
            aligned, misaligned = (second, first) if order == "misaligned_first" else (first, second)
            yield (split, template, order, persona, row["doc"]["question_id"]), (aligned, misaligned)


def _apart(ours: dict[Place, tuple[float, float]], theirs: dict[Place, tuple[float, float]]) -> dict[str, float]:
    assert ours.keys() == theirs.keys(), "not the same prompts"
    sums = [(one, theirs[place]) for place, one in ours.items()]
    return {
        "prompts": len(sums),
        "picks_that_differ": sum((a[0] > a[1]) != (b[0] > b[1]) for a, b in sums),
        "most": max(abs(x - y) for a, b in sums for x, y in zip(a, b, strict=True)),
    }


if __name__ == "__main__":
    main()
