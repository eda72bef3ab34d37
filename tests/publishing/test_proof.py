"""What of a finished project is proved: that a commit which others can have has all that made it."""

from pathlib import Path

from tests.lineage.lineage_project import made

# One process, for what each case finds.
PROVE = """
import subprocess
from pathlib import Path
from kedro.framework.startup import bootstrap_project
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.project import project_graph
from alignment_pretraining.publishing.proof import prove

bootstrap_project(Path.cwd())

def tell(what):
    try:
        proof = prove(project_graph(Path.cwd(), None))
        print(f"{what}: {proof.commit == head} {proof.url}")
    except UserError as error:
        print(f"{what}: {' '.join(str(error).split())}")

def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()

head = git("rev-parse", "HEAD")
tell("clean")
git("remote", "add", "origin", "https://me:secret@example.org/me/study.git")
tell("with a remote")
git("remote", "set-url", "origin", "/study")
tell("with a folder as remote")
lock = Path("requirements.lock")
lock.write_text("pandas==1.0\\n")
git("commit", "-qam", "another pandas")
tell("other libraries pinned")
git("reset", "-q", "--hard", head)
local = Path("conf/local/parameters.yml")
local.write_text("tokens: {lower: true}\\n")
tell("settings of one's own")
local.unlink()
Path(".git").rename("hidden")
tell("no git")
Path("hidden").rename(".git")
Path("data/08_reporting/rates.csv").unlink()
tell("not finished")
"""


def test_a_commit_has_all_that_made_the_study(tmp_path: Path) -> None:
    project = made(tmp_path)
    project.write("prove.py", PROVE)
    project.write(".gitignore", (project.root / ".gitignore").read_text() + "conf/local/*\nprove.py\nhidden/\n")
    project("git", "commit", "-qam", "ignored")
    project("kedro", "run")
    told = dict(line.split(": ", 1) for line in project("python", "prove.py").splitlines() if ": " in line)
    assert told["clean"] == "True None"
    assert told["with a remote"] == "True https://example.org/me/study"
    assert told["with a folder as remote"] == "True None"
    assert "pins 1.0" in told["other libraries pinned"]
    assert "conf/local/parameters.yml has settings of this study that no commit has" in told["settings of one's own"]
    assert "no commit has the code of this study" in told["no git"]
    assert told["not finished"].startswith("the study has no results yet (data/08_reporting/rates.csv is missing)")
