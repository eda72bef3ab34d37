"""Before anything is published: everything is as its record says, and a commit has all that made it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from alignment_pretraining.core.environments import BASE, LOCAL, parameter_files, with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.commits import commit_changes
from alignment_pretraining.lineage.drift import check
from alignment_pretraining.lineage.environment import OWN_FILES, git_state
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import read_record
from alignment_pretraining.lineage.verify import dvc_changes

_SHOWN = 4


@dataclass(frozen=True)
class Proof:
    """The commit that has the code, configuration and raw texts of every step; `url` of its repository, if it has one
    that others can reach.
    """

    commit: str
    url: str | None


def prove(graph: Graph) -> Proof:
    """Refuse a study that others could not trace; see `Raises`. Looks at every output, so the caller says whether
    known hashes count.

    A record of uncommitted changes is no obstacle once they are committed: nothing drifted, so what the working tree
    has is what made the results, and a clean tree is its commit.

    Raises:
        UserError: something is missing, changed or stale; or no commit has what made it; or the commit has other code,
            or pins other libraries.
    """
    _refuse_unfinished(graph)
    check(graph, graph.study_outputs, "what would be published, or what it rests on,")
    commit = _clean_commit(graph)
    records = [record for node in graph.study_nodes if (record := read_record(graph, node))]
    of_commit = [record.model_copy(update={"commit": commit, "dirty": False}) for record in records]
    if beside := [*commit_changes(graph, of_commit), *dvc_changes(graph)]:
        raise UserError("\n  - ".join(["others could not trace what would be published:", *beside]))
    return Proof(commit, _public_url(graph))


def _refuse_unfinished(graph: Graph) -> None:
    # A study has many outputs: that it never ran is said in one line.
    results = [name for name in ("rates", "protocol_rates") if name in graph.makers]
    missing = [name for name in results if graph.digest(name) is None]
    if missing or not results:
        where = f" ({graph.relative(missing[0])} is missing)" if missing else ""
        raise UserError(f"the study has no results yet{where}; make them: {graph.command_for_all}")


def _clean_commit(graph: Graph) -> str:
    state, again = git_state(graph.root), with_env("kedro publish", graph.env)
    if state.commit is None:
        raise UserError(f"no commit has the code of this study, so nobody could trace it: commit it, then {again}")
    if state.dirty:
        changed = list(_changed(graph))
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        shown = f"{', '.join(changed[:_SHOWN])}{more}"
        raise UserError(f"uncommitted changes, which nobody else has ({shown}): commit them, then {again}")
    own = [file.name for file, _ in parameter_files(graph.root / "conf", LOCAL) if file.parent.name == LOCAL]
    if graph.env == BASE and own:
        raise UserError(
            f"conf/{LOCAL}/{own[0]} has settings of this study that no commit has: move them to conf/{BASE} or to an "
            f"environment of their own, commit, then {again}"
        )
    return state.commit


def _changed(graph: Graph) -> Iterator[str]:
    command = ["git", "status", "--porcelain", "--", ".", *OWN_FILES]
    told = subprocess.run(command, cwd=graph.root, capture_output=True, text=True, errors="replace").stdout
    yield from (line[3:] for line in told.splitlines())


def _public_url(graph: Graph) -> str | None:
    """Where git fetches from, if that is an address on the web; without a name and password that may stand in it."""
    command = ["git", "remote", "get-url", "origin"]
    told = subprocess.run(command, cwd=graph.root, capture_output=True, text=True).stdout.strip()
    parts = urlsplit(told)
    if parts.scheme != "https" or not parts.hostname:
        return None
    port = f":{parts.port}" if parts.port else ""
    return f"https://{parts.hostname}{port}{parts.path}".removesuffix(".git")
