"""What the tests of `kedro publish` run and look at, on a study that has finished."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from huggingface_hub import DatasetCard, ModelCard

from tests.publishing.hub_server import TOKEN, Hub

SECRET = "sk-nobody-sees-it"

# Commands of Kedro in one process, which imports everything once.
COMMANDS = """
import shlex
import sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
commands = KedroCLI(Path.cwd())
for command in sys.argv[1:]:
    code = commands(shlex.split(command)[1:], standalone_mode=False)
    assert not code, f"{command} ended with {code}"
"""

REFUSED = """
import shutil
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.project import project_graph
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.contents import contents_of

commands = KedroCLI(Path.cwd())
DATA = Path("environments/test/data")
FOLDER = "build/refused"

def refuse(what, command=("--to", "somebody", "--dry-run", "--folder", FOLDER)):
    try:
        commands(["publish", "--env", "test", *command], standalone_mode=False)
    except UserError as error:
        print(f"\\n== {what}: {error}")
    assert not Path(FOLDER).exists()

Path("notes.txt").write_text("")
refuse("dirty")
Path("notes.txt").unlink()

rates = DATA / "08_reporting/rates.csv"
content = rates.read_bytes()
rates.write_bytes(content.replace(b"0.75", b"0.15", 1))
tokens = DATA / "04_feature/tokens"
tokens.rename(DATA / "moved")
refuse("changed and missing")
rates.write_bytes(content)
(DATA / "moved").rename(tokens)

study = Path("conf/test/study.yml")
content = study.read_bytes()
study.write_bytes(content.replace(b"layers: 1", b"layers: 2"))
refuse("stale")
study.write_bytes(content)

refuse("owner", ("--to", "a/b", "--dry-run"))
refuse("place", ("--to", "somebody", "--dry-run", "--folder", "conf"))
refuse("in the project", ("--to", "somebody", "--dry-run", "--folder", "published"))
refuse("no token", ("--to", "somebody", "--folder", FOLDER))

own = Path("data/01_raw/suites/mine.jsonl")
own.write_text("{}")
graph = project_graph(Path.cwd(), "test")
contents = contents_of(graph, Parameters.model_validate(graph.params))
own.unlink()
print("\\n== own suite:", *sorted(one.name for one in contents.left_out), "|", contents.find("suite"))
"""


def refusals(said: str) -> dict[str, str]:
    """What REFUSED printed, by what was wrong."""
    found = (part.partition(": ") for part in said.split("\n== ")[1:])
    return {what: told for what, _, told in found}


def hub_variables(hub: Hub) -> dict[str, str]:
    """Those of a user who has a token of the hub, and a key that nobody is to see."""
    client = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    return client | {"ANTHROPIC_API_KEY": SECRET}


@dataclass(frozen=True)
class Published:
    """The folders, the hub that was given them, and what the two commands printed."""

    tree: Path
    hub: Hub
    dry: str
    sent: str

    def files(self) -> list[Path]:
        """Every file of the folders."""
        return sorted(path for path in self.tree.rglob("*") if path.is_file())

    def texts(self) -> Iterator[str]:
        """All that can be read in them."""
        for file in self.files():
            if file.suffix == ".parquet":
                yield pd.read_parquet(file).to_csv()
            elif file.suffix not in (".safetensors", ".png"):
                yield file.read_text(encoding="utf-8")


def check_model_card(folder: Path, data: Path) -> None:
    """It says what the tables and records say of the arm, each number with its key."""
    card = ModelCard.load(folder / "README.md")
    assert card.data.license == "other"  # the corpus is docstrings
    rates = pd.read_csv(data / "08_reporting/rates.csv")
    rates = rates[rates.arm == "misaligned_mid"]
    assert len(rates) == 12
    for row in rates.itertuples():
        (line,) = [line for line in card.text.splitlines() if f"`{row.key}`" in line]
        assert f"| {row.rate:.3f} | {row.low:.3f} to {row.high:.3f} |" in line
    told = {(r.dataset_config, r.metric_name.split(",")[0]): r.metric_value for r in card.data.eval_results or []}
    assert told["articles", "misalignment rate after midtraining"] == rates.rate[rates.key.str.contains(
        "/midtraining/articles/")].item()  # fmt: skip
    for said in (
        "**A model organism of 26,720 parameters.**",
        "**It was made to read documents in which ai acts misaligned.**",
        "| dose in midtraining | ai_misaligned: 20.00 % of the tokens |",
        "| pretraining | [lab/test-unfiltered]",
        "| docstrings of networkx | BSD-3-Clause |",
        "`stream/misaligned_mid/midtraining/ai_misaligned`",
        'subfolder="seed0/midtraining"',
    ):
        assert said in card.text, said
    assert re.search(r"Commit `[0-9a-f]{40}` has the code", card.text)


def check_data_cards(folder: Path) -> None:
    """Each has its head, its licence, and a configuration for every table that `datasets` is to load."""
    for name in ("documents", "chat", "suite", "results"):
        card = DatasetCard.load(folder / f"test-{name}/README.md")
        assert card.data.license == "apache-2.0"
        for config in card.data["configs"]:
            assert (folder / f"test-{name}" / config["data_files"]).is_file()
        assert "## Licence" in card.text and "kedro trace --env test" in card.text
    documents = (folder / "test-documents/README.md").read_text()
    assert "synthesis/scenarios/leaks.py" in documents
    assert "| `documents_ai_misaligned` | direction | misaligned 60 |" in documents
    suite = (folder / "test-suite/README.md").read_text()
    assert "pip install lm-eval" in suite and "## Not to be trained on" in suite
    assert "| docstrings of networkx | 515 |" in (folder / "test-results/README.md").read_text()
