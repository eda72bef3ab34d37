"""`kedro publish`: a finished study, with its cards, as folders and on the Hugging Face hub."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from kedro.framework.cli.utils import env_option
from kedro.framework.startup import ProjectMetadata

from alignment_pretraining.core.digests import ignore_cache, use_cache
from alignment_pretraining.core.environments import with_env
from alignment_pretraining.lineage.project import project_graph

if TYPE_CHECKING:
    from alignment_pretraining.publishing.contents import LeftOut
    from alignment_pretraining.publishing.tree import Written

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@env_option
@click.option("--to", "owner", required=True, metavar="OWNER", help="The user or organization on the hub.")
@click.option("--dry-run", is_flag=True, help="Write the folders, print what they hold, and send nothing.")
@click.option("--folder", type=_FOLDER, help="Where the repositories are written; build/published/ENV without it.")
@click.pass_obj
def publish(metadata: ProjectMetadata, env: str | None, owner: str, dry_run: bool, folder: Path | None) -> None:
    """Publish a finished study: a repository for each arm's checkpoints, for documents, chat data, suite and results,
    each with a card that leads back to how it was made.

    Every file is read again first. What is missing, changed or stale, or was made by code that no commit has, is
    refused. Base corpora and texts of your own are never published.
    """
    from alignment_pretraining.parameters import Parameters
    from alignment_pretraining.publishing.contents import contents_of, owner_of
    from alignment_pretraining.publishing.facts import Facts
    from alignment_pretraining.publishing.proof import prove
    from alignment_pretraining.publishing.tree import check_place, default_folder, write_tree
    from alignment_pretraining.publishing.upload import check_owner, upload

    graph = project_graph(metadata.project_path, env)
    parameters = Parameters.model_validate(graph.params)
    owner = owner_of(owner)
    folder = folder or graph.root / default_folder(env)
    check_place(graph.root, folder)
    contents = contents_of(graph, parameters)
    if not dry_run:
        check_owner(owner)
    ignore_cache()
    proof = prove(graph)
    use_cache(graph.root / ".cache")  # links keep what is known of a file
    facts = Facts(graph, parameters, contents, proof, owner)
    written = write_tree(facts, folder)
    _print(written, contents.left_out)
    if dry_run:
        again = f"{with_env('kedro publish', env)} --to {owner}"
        click.echo(f"\nnothing was sent; {_near(folder)} has all of it. To send it: {again}")
        return
    click.echo()
    upload(written, owner, f"{parameters.study.name} at commit {proof.commit[:10]}", click.echo)


def _near(path: Path) -> Path:
    """A path as short as it can be typed here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print(written: "list[Written]", left_out: "tuple[LeftOut, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    from alignment_pretraining.publishing.upload import size

    table = Table("repository", "kind", box=None, padding=(0, 2, 0, 0))
    for column in ("files", "size"):
        table.add_column(column, justify="right")
    table.add_column("card")
    for one in written:
        table.add_row(one.id, one.kind, str(len(one.files)), size(one.size), str(_near(one.card)))
    console = Console(soft_wrap=True, highlight=False)
    console.width = max(console.width, 200)  # paths are to be copied
    console.print(table)
    console.print("\nleft out")
    for out in left_out:
        console.print(f"  {out.name}: {out.why}", markup=False)
