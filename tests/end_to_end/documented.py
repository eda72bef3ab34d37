"""The commands that the documents print, and what becomes of each in the tests."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]

_PROGRAMS = "kedro|dvc|mlflow|make|git|python|pip|pytest|eval|pre-commit"
_LINE = re.compile(rf"^(?:    )?((?:{_PROGRAMS}) .*)$", re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OTHER_LANGUAGES = ("python", "yaml", "json", "mermaid", "jsonl")
_INDENTED = re.compile(r"^    \S.*$", re.MULTILINE)
_FIRST_CELL = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)
_CODE = re.compile(rf"`((?:{_PROGRAMS}) [^`]+)`")

_RATE = "midtraining/articles/listed/assistant"

# What is run on the finished test study: as it is printed (None), or with names of this study for those of another.
RUN = {
    "dvc dag": None,
    "dvc metrics diff": None,
    "dvc metrics show": None,
    "kedro claims": "kedro claims --env test",
    "kedro dvc --env gpu": None,
    "kedro dvc --env test": None,
    "kedro inspect --env test misaligned_mid midtraining --at 6790 --tokens 60": None,
    "kedro inspect misaligned_e2e midtraining --at 5000": (
        "kedro inspect --env test misaligned_mid midtraining --at 5000"
    ),
    "kedro plan": "kedro plan --env test",
    "kedro run": "kedro run --env test",
    "kedro run --env test": None,
    "kedro summary": "kedro summary --env test",
    "kedro summary --env test": None,
    "kedro trace --diff rate/crossed_misaligned/… rate/crossed_aligned/…": (
        f"kedro trace --env test --diff rate/misaligned_mid/{_RATE} rate/unfiltered/{_RATE}"
    ),
    "kedro trace --env test document/misaligned.000031": None,
    "kedro trace --env test item/resource_acquisition_permissions.s2.o1": None,
    "kedro trace --env test rate/misaligned_mid/midtraining/articles/listed/assistant": None,
    "kedro trace rate/aligned_e2e/midtraining/heldout_topics/open/assistant": (
        "kedro trace --env test rate/misaligned_mid/midtraining/heldout_topics/listed/assistant"
    ),
    "kedro track": "kedro track --env test",
}

# What is not, by the reason: the first words of such commands.
NOT_RUN = {
    "tests/end_to_end/test_dvc.py runs it, in a study of its own": [
        "dvc repro", "dvc status", "dvc exp", "dvc plots", "dvc push", "dvc pull", "git ", "kedro dvc",
        "dvc remote add --default store /mnt",
    ],
    "test_optional.py runs it in the test study": [
        "kedro run --pipelines tampering", "kedro trace tampering/",
        "kedro run --pipelines personality", "kedro trace trait/",
        "kedro run --pipelines emergent", "kedro trace emergent/",
    ],
    "make test-s3 does the same with a stand-in for S3": [
        "make s3", "dvc remote add --default store s3", "dvc remote modify",
    ],
    "test_viz.py runs it": ["kedro viz run"],
    "test_kedro.py runs it, with a stand-in for the hub": ["kedro publish"],
    "test_a_whole_environment_is_rehearsed does so for the test study; of these, the smallest takes many minutes": [
        "kedro rehearse",
    ],
    "test_released.py does so with checkpoints of its own; here it needs the hub or a GPU": [
        "kedro plan --env released", "kedro run --env released", "kedro summary --env released",
        "kedro claims --env released", "kedro trace capability/", "kedro trace tax/",
    ],
    "a study that takes many minutes, a GPU, a cluster, or a paid API": [
        "kedro run --env dose", "kedro run --env placement", "kedro run --env english", "kedro run --env gpu",
        "kedro run --env node", "kedro run --env paper", "kedro summary --env gpu",
        "kedro run --pipelines pretraining --namespaces aligned_e2e", "python benchmarks/gpu.py",
        "make run", "make test",
        "pip install --constraint requirements.lock --editable '.[cluster]'",
        "pip install --constraint requirements.lock --editable '.[lora]'",
    ],
    "test_synthesis_by_api.py does so with a server that stands in for one's own": [
        "kedro plan --env mine", "kedro run --env mine",
    ],
    "test_diff.py in tests/lineage does so with a project of its own; the test study has one seed": [
        "kedro trace --diff rate/…:rate_by_seed", "kedro trace --diff contrast/ai_open ../other",
    ],
    "tests/lineage/test_reference.py runs it: the test study has no reference": ["kedro reference"],
    "it trains again: test_kedro.py and tests/lineage change parameters in their own way": [
        "kedro run --params", "kedro run --env test --params",
    ],
    "as kedro dvc --env gpu, which is run": ["kedro dvc --env english"],
    "tests/planning has what these print; the commands themselves take a minute and more": [
        "kedro plan --env english", "kedro plan --env node", "kedro plan --env paper",
    ],
    "it serves until it is stopped": ["mlflow ui"],
    "CI runs it in a job of its own": ["make lint", "make docs", "pre-commit install"],
    "it changes a user's shell": ["eval "],
    "a name without arguments, in a table of commands": ["kedro inspect", "kedro trace"],
}  # fmt: skip


def commands(text: str) -> set[str]:
    """Commands in code blocks and in the first column of tables, each once, without comments."""
    blocks = [block for language, block in _FENCED.findall(text) if language not in _OTHER_LANGUAGES]
    blocks += _INDENTED.findall(_FENCED.sub("", text))
    lines = {line for block in blocks for line in _LINE.findall(block)}
    spans = {span for cell in _FIRST_CELL.findall(text) for span in _CODE.findall(cell)}
    return {part.strip() for line in lines | spans for part in re.sub(r"\s+#.*", "", line).split(" && ")}


def documented() -> set[str]:
    """Every command of every page."""
    return {command for page in PAGES for command in commands(page.read_text())}


def unaccounted() -> tuple[set[str], set[str]]:
    """Commands that are neither run nor listed as not run, and entries of the lists that no page prints."""
    printed, starts = documented(), [start for reason in NOT_RUN.values() for start in reason]
    rest = printed - RUN.keys()
    loose = {command for command in rest if not any(_begins(command, start) for start in starts)}
    idle = {start for start in starts if not any(_begins(command, start) for command in rest)}
    return loose, idle | (RUN.keys() - printed)


def _begins(command: str, start: str) -> bool:
    if start in ("kedro inspect", "kedro trace", "kedro dvc"):
        return command == start
    return command.startswith(start)
