"""The project's own commands, beside Kedro's: `kedro dvc`, `kedro trace`, `kedro summary`; and `kedro run` with
errors that a user can fix shown as one message.

Kedro finds the group `cli` and the command `run` by these names. What a command needs is imported when it runs.
"""

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import env_option
from kedro.framework.startup import ProjectMetadata

from alignment_pretraining.errors import UserError
from alignment_pretraining.lineage.clean_errors import CleanCommand
from alignment_pretraining.lineage.files import replace_text
from alignment_pretraining.lineage.project import project_graph

run = CleanCommand(
    kedro_run.name, params=kedro_run.params, callback=kedro_run.callback, help=kedro_run.help, short_help="Run."
)


@click.group(name="alignment-pretraining")
def cli() -> None:
    """Commands of this project."""


cli.add_command(run)


@cli.command(cls=CleanCommand)
@env_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when dvc.yaml is not what would be written.")
@click.pass_obj
def dvc(metadata: ProjectMetadata, env: str | None, check: bool) -> None:
    """Write dvc.yaml from the registered pipelines and the catalog."""
    from alignment_pretraining.lineage.dvc_export import dvc_yaml

    env = env or "base"
    file = metadata.project_path / "dvc.yaml"
    text = dvc_yaml(project_graph(metadata.project_path, env), env)
    same = file.is_file() and file.read_text() == text
    if check and not same:
        raise UserError("dvc.yaml is not what the pipelines and the catalog say; write it again: kedro dvc")
    if not same:
        replace_text(file, text)
    click.echo("dvc.yaml is up to date" if same else f"wrote dvc.yaml ({text.count('    cmd: ')} stages)")
