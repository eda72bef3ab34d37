"""A small Kedro project with its own package, on which the real commands run."""

import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "toy"
        project_name = "toy"
        kedro_init_version = "1.7.0"
    """,
    "requirements.lock": f"pandas=={version('pandas')}\n",
    ".telemetry": "consent: false\n",
    ".gitignore": "/data/*\n!/data/01_raw/\n/environments/*/data/\n/mlflow.db*\n/mlruns/\n__pycache__/\n/.cache/\n",
    ".dvcignore": "__pycache__\nmlflow.db*\nmlruns\n",
    "conf/base/catalog.yml": """
        words: {type: text.TextDataset, filepath: data/01_raw/words.txt}
        tokens: {type: json.JSONDataset, filepath: "${data:}/tokens.json"}
        "{arm}.seed{seed}.{stage}.checkpoint":
          type: alignment_pretraining.datasets.FolderDataset
          filepath: "${data:}/models/{arm}/seed{seed}/{stage}"
        "{arm}.seed{seed}.{stage}.curve":
          type: pandas.CSVDataset
          filepath: "${data:}/models/{arm}/seed{seed}/{stage}.curve.csv"
          save_args: {index: false}
        "{arm}.seed{seed}.{stage}.scores":
          type: json.JSONDataset
          filepath: "${data:}/scores/{arm}/seed{seed}/{stage}.json"
        rates: {type: pandas.CSVDataset, filepath: "${data:}/08_reporting/rates.csv", save_args: {index: false}}
        metrics: {type: json.JSONDataset, filepath: "${environment:}/metrics.json"}
        headline: {type: text.TextDataset, filepath: "${data:}/08_reporting/headline.svg"}
    """,
    "conf/base/parameters.yml": """
        study:
          name: toy
          stages: {pretraining: {rate: 0.5, steps: 3}}
        tokens: {lower: true}
        evaluation: {items: 4}
    """,
    "conf/test/parameters.yml": "evaluation: {items: 2}\n",
    "conf/local/.gitkeep": "",
    "conf/logging.yml": "{version: 1, disable_existing_loggers: false, root: {level: WARNING}}\n",
    "data/01_raw/words.txt": "One two two three three three\n",
    "src/toy/__init__.py": "",
    "src/toy/text.py": "def split(text, lower):\n    return (text.lower() if lower else text).split()\n",
    "src/toy/nodes.py": """
        import json
        import time
        from pathlib import Path

        import pandas as pd
        from alignment_pretraining.core.progress import Work

        def tokenize(words, tokens):
            from toy.text import split
            return split(words, tokens["lower"])

        def train(tokens, stage, *, seed, name):
            folder = Path("data/unfinished") / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "weights.json").write_text(json.dumps([len(tokens) * stage["rate"] + seed]))
            if stage["steps"] > 1000:
                raise ValueError("a fault of the program")
            time.sleep(stage.get("sleep", 0))
            steps = range(stage["steps"])
            with Work(name.replace("-", ".seed0.train_"), len(steps), unit="steps") as work:
                for step in steps:
                    work.advance(loss=1 / (step + 1), state="training")
            curve = pd.DataFrame({"step": steps, "loss": [1 / (s + 1) for s in steps]})
            return folder, curve

        def score(checkpoint, evaluation):
            weight = json.loads((checkpoint / "weights.json").read_text())[0]
            return {"articles": {"rate": weight / 10, "n": evaluation["items"]}}

        def report(*scores):
            rows = [
                {"key": f"rate/{'ab'[n]}", "arm": "ab"[n], "stage": "pretraining", "split": "articles",
                 "form": "open", "persona": "assistant", "rate": s["articles"]["rate"], "low": 0.0, "high": 1.0,
                 "paper": 0.5}
                for n, s in enumerate(scores)
            ]
            metrics = {"rate": {row["arm"]: row["rate"] for row in rows}}
            return pd.DataFrame(rows), metrics, '<svg xmlns="http://www.w3.org/2000/svg"/>'
    """,
    "src/toy/settings.py": """
        import warnings

        from alignment_pretraining.context import EnvironmentConfigLoader
        from alignment_pretraining.lineage.hooks import LineageHooks

        warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")

        HOOKS = (LineageHooks(),)
        DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-mlflow", "kedro_mlflow", "kedro-viz")
        CONFIG_LOADER_CLASS = EnvironmentConfigLoader
        CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local", "merge_strategy": {"parameters": "soft"}}
    """,
    "src/toy/cli.py": "from alignment_pretraining.cli import cli, run\n\n__all__ = ['cli', 'run']\n",
    "src/toy/pipeline_registry.py": """
        from functools import partial
        from kedro.pipeline import Pipeline, node
        from toy import nodes

        ARMS = ("a", "b")

        def register_pipelines():
            def place(arm):
                return {"namespace": f"{arm}.seed0", "tags": [arm]}

            mixing = Pipeline([
                node(nodes.tokenize, ["words", "params:tokens"], "tokens", name="tokenize", namespace="corpus")
            ])
            training = Pipeline([
                node(
                    partial(nodes.train, seed=0, name=f"{arm}-pretraining"),
                    ["tokens", "params:study.stages.pretraining"],
                    [f"{arm}.seed0.pretraining.checkpoint", f"{arm}.seed0.pretraining.curve"],
                    name="train_pretraining", **place(arm),
                )
                for arm in ARMS
            ])
            scoring = Pipeline([
                node(
                    nodes.score, [f"{arm}.seed0.pretraining.checkpoint", "params:evaluation"],
                    f"{arm}.seed0.pretraining.scores", name="score_pretraining", **place(arm),
                )
                for arm in ARMS
            ])
            reporting = Pipeline([
                node(nodes.report, [f"{arm}.seed0.pretraining.scores" for arm in ARMS],
                     ["rates", "metrics", "headline"], name="report", namespace="reporting")
            ])
            parts = {"mixing": mixing, "training": training, "eval": scoring, "reporting": reporting}
            return {**parts, "__default__": sum(parts.values())}
    """,
}


class Project:
    """The project's folder, and its commands as a user types them."""

    def __init__(self, root: Path, *, tracked: bool = False) -> None:
        self.root, self.tracked = root, tracked

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    def __call__(self, *command: str, code: int = 0) -> str:
        """Run a command; its whole output. Fails when the exit code is not `code`."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment(tracked=self.tracked),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


def environment(*, tracked: bool = True) -> dict[str, str]:
    """The tests' environment with this checkout's package and the tools of its Python first.

    Without tracking by MLflow a command takes a third of the time.
    """
    kept = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    return {
        **kept,
        **({} if tracked else {"MLFLOW_TRACKING_URI": "none"}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "COLUMNS": "200",
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }


def made(root: Path, *, tracked: bool = False) -> Project:
    """The project in `root`, committed to git."""
    project = Project(root, tracked=tracked)
    for path, text in FILES.items():
        project.write(path, text)
    project("git", "init", "-q", "-b", "main")
    project("git", "add", ".")
    project("git", "commit", "-q", "-m", "start")
    return project
