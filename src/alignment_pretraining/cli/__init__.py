"""The project's own commands, beside Kedro's: `kedro dvc`, `trace`, `summary`, `claims`, `reference`, `track`, `plan`,
`rehearse`, `inspect` and `publish`; and `kedro run` with the project's runner and a clean end on Ctrl-C.

Kedro finds the group `cli` and the command `run` by these names. What a command needs is imported when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params, env_option
from kedro.framework.project import settings
from kedro.framework.startup import ProjectMetadata

from alignment_pretraining.cli.clean_errors import leave_on_interrupt, show_user_errors_cleanly
from alignment_pretraining.cli.publish import publish
from alignment_pretraining.cli.trace import trace
from alignment_pretraining.core.environments import BASE, data_folder, environment, environment_folder, with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.hooks import LineageHooks
from alignment_pretraining.lineage.parameters import left_out, why_left_out
from alignment_pretraining.lineage.project import project_graph
from alignment_pretraining.pipelines.progress import ProgressHooks
from alignment_pretraining.study import BASE_STAGES

if TYPE_CHECKING:
    from alignment_pretraining.parameters import Parameters

show_user_errors_cleanly()

# Nodes that do not depend on each other run side by side.
RUNNER = "alignment_pretraining.pipelines.runner.UnfinishedRunner"
EVERY_NODE = "alignment_pretraining.pipelines.runner.CoreRunner"


def _run(force: bool, **options: Any) -> Any:
    leave_on_interrupt(_tell_hooks)
    options["runner"] = options["runner"] or (EVERY_NODE if force else RUNNER)
    try:
        return kedro_run.callback(**options)  # type: ignore[misc]
    except ValueError as error:
        # Kedro's own message neither says what there is nor why not.
        if options["namespaces"] and "namespaces" in str(error):
            raise _unknown_namespace(options) from None
        raise


def _unknown_namespace(options: dict[str, Any]) -> UserError:
    root = click.get_current_context().obj.project_path
    graph = project_graph(root, options["env"], options["params"])
    known = {place.group for place in graph.places.values()}
    wrong = [name for name in options["namespaces"] if name.split(".")[0] not in known] or options["namespaces"]
    why = why_left_out(graph.params, [name.split(".")[0] for name in wrong]) or f"there are {', '.join(sorted(known))}"
    return UserError(f"--namespaces: no {', '.join(wrong)} in the pipelines that were asked for; {why}")


def _tell_hooks() -> None:
    for hooks in settings.HOOKS:  # the first takes its bars from the terminal
        if isinstance(hooks, ProgressHooks | LineageHooks):
            hooks.interrupted()


_FORCE = click.Option(["--force"], is_flag=True, help="Also run nodes that are up to date.")
run = click.Command("run", params=[*kedro_run.params, _FORCE], callback=_run, help=kedro_run.help)


@click.group(name="alignment-pretraining")
def cli() -> None:
    """Commands of this project."""


cli.add_command(run)
cli.add_command(trace)
cli.add_command(publish)


@cli.command()
@env_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a dvc.yaml is not what would be written.")
@click.option("--code", is_flag=True, help="Write the identity of the nodes' code instead, as the stage `code` does.")
@click.pass_obj
def dvc(metadata: ProjectMetadata, env: str | None, check: bool, code: bool) -> None:
    """Write dvc.yaml from the registered pipelines and the catalog; that of another environment than base goes to
    environments/ENV. Without --env, --check looks at all that there are.
    """
    from alignment_pretraining.lineage.dvc_export import check_outputs, dvc_yaml, write_code_files

    root = metadata.project_path
    if code:
        count = len(write_code_files(project_graph(root, environment(env))))
        click.echo(f"wrote the code identity of {count} pipelines")
        return
    written = [BASE, *(file.parent.name for file in sorted(root.glob("environments/*/dvc.yaml")))]
    for name in written if check and env is None else [environment(env)]:
        path = environment_folder(name) / "dvc.yaml"
        graph = project_graph(root, name)
        check_outputs(graph)
        text = dvc_yaml(graph, name)
        same = (root / path).is_file() and (root / path).read_text() == text
        if check and not same:
            command = with_env("kedro dvc", name)
            raise UserError(f"{path} is not what the pipelines and the catalog say; write it again: {command}")
        if not same:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            write_text(root / path, text)
        click.echo(f"{path} is up to date" if same else f"wrote {path} ({text.count('    cmd: ')} stages)")
        if not check and (arms := left_out(graph.params)):
            click.echo(f"study.run leaves out {', '.join(arms)}")


@cli.command()
@env_option
@click.pass_obj
def summary(metadata: ProjectMetadata, env: str | None) -> None:
    """Print the study's result, and where to look next."""
    from rich.console import Console

    from alignment_pretraining.lineage.summary import summary as rendered

    Console().print(rendered(project_graph(metadata.project_path, env)))


@cli.command()
@env_option
@click.option(
    "--version", type=click.Choice(["V", "D"]), help="One version of the paper; without it, a table for each."
)
@click.option("--margin", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True)
@click.pass_obj
def claims(metadata: ProjectMetadata, env: str | None, version: str | None, margin: float) -> None:
    """Print every figure of the paper, what was measured for it, and whether they are equivalent within a margin."""
    from rich.console import Console

    from alignment_pretraining.lineage.claims import claims_table

    versions: Any = [version] if version else ["V", "D"]
    console = Console(soft_wrap=True)
    console.width = max(console.width, 120)  # its rows are long, and cut ones say nothing
    console.print(claims_table(project_graph(metadata.project_path, env), versions, margin))


@cli.command()
@env_option
@click.option("--write", is_flag=True, help="Keep the finished study as the reference of this processor.")
@click.pass_obj
def reference(metadata: ProjectMetadata, env: str | None, write: bool) -> None:
    """Compare the study with the reference in the repository: bitwise equal, or where they part first."""
    from alignment_pretraining.lineage.drift import check
    from alignment_pretraining.lineage.reference import compare, read_reference, reference_path, write_reference

    graph = project_graph(metadata.project_path, env)
    if write:
        click.echo(f"wrote {write_reference(graph).relative_to(graph.root)}")
        return
    found = read_reference(graph)
    if found is None:
        command = with_env("kedro reference --write", env)
        raise UserError(
            f"there is no {reference_path(graph).relative_to(graph.root)}; {command} keeps this study as one"
        )
    check(graph, graph.study_outputs, "results, or what they rest on,")
    click.echo("\n".join(compare(graph, found)))


@cli.command()
@env_option
@click.pass_obj
def track(metadata: ProjectMetadata, env: str | None) -> None:
    """Send MLflow what it did not take while commands ran, end the runs of commands that were killed, and have
    artifacts found where they are when the project was moved."""
    from alignment_pretraining.lineage.tracker import end_what_was_killed, send_kept

    names = send_kept(metadata.project_path, env)
    ended = end_what_was_killed(metadata.project_path, env)
    told = [*(f"sent: {name}" for name in names), *([f"ended as killed: {ended} runs"] if ended else [])]
    click.echo("\n".join(told) or "MLflow has everything")


@cli.command()
@env_option
@click.option(
    "--pipelines",
    "pipeline",
    type=click.Choice(["synthesis", "pretraining", "eval"]),
    help="Only this one; without it, all that cost.",
)
@click.option("--params", type=str, default="", callback=_split_params, help="Runtime parameters, as for `kedro run`.")
@click.pass_obj
def plan(metadata: ProjectMetadata, env: str | None, pipeline: str | None, params: dict[str, Any]) -> None:
    """Print what synthesis by a model, training on the environment's GPU or cluster, evaluating checkpoints from
    elsewhere and benchmarks will cost, and whether every budget can be met: a study that would not reach its end is
    refused.
    """
    from rich.console import Console

    from alignment_pretraining.planning.commands import plan as print_training
    from alignment_pretraining.planning.commands import plan_benchmarks, plan_evaluation
    from alignment_pretraining.planning.machines import cluster_of, local_engine
    from alignment_pretraining.planning.preflight.check import needs_of, refuse_short, table
    from alignment_pretraining.planning.synthesis import plan_synthesis

    graph = project_graph(metadata.project_path, env, params)
    parameters = _parameters(graph)
    trains = bool(parameters.study.selected_arms())
    if pipeline == "synthesis" or (pipeline is None and trains):
        Console().print(plan_synthesis(parameters.synthesis, parameters.anthropic, graph.catalog.load))
    if pipeline == "pretraining" or (pipeline is None and trains and (parameters.gpu or parameters.cluster)):
        machine, engine = cluster_of(parameters, graph.env), local_engine(parameters)
        print_training(parameters.study, machine, parameters.post_training, engine)
    if parameters.study.checkpoints and pipeline in (None, "eval"):
        made = "questions" in graph.makers and graph.digest("questions")
        plan_evaluation(parameters, graph.catalog.load("questions") if made else None)
    if parameters.capability.tasks and pipeline in (None, "eval"):
        plan_benchmarks(parameters)
    if pipeline is None and trains:
        needs = needs_of(parameters, graph.catalog.load, graph.root / data_folder(graph.env))
        Console(soft_wrap=True).print(table(needs))
        refuse_short((need for need in needs if not need.here), graph.env)


@cli.command()
@env_option
@click.option("--seed", default=0, show_default=True)
@click.option("--at", default=0, show_default=True, help="Position in the stream, in tokens.")
@click.option(
    "--tokens", "count", type=click.IntRange(min=1), default=200, show_default=True, help="How many tokens to show."
)
@click.argument("arm")
@click.argument("stage", type=click.Choice(BASE_STAGES))
@click.pass_obj
def inspect(metadata: ProjectMetadata, env: str | None, seed: int, at: int, count: int, arm: str, stage: str) -> None:
    """Show what ARM reads at STAGE: the text at any position of its stream, with its source documents."""
    from alignment_pretraining.mixing.tokens.inspect import read_excerpts

    graph = project_graph(metadata.project_path, env)
    name = _parameters(graph).study.stage_run(arm, stage).dataset(seed, "mix")
    if name not in graph.makers:
        raise UserError(why_left_out(graph.params, [arm]) or f"no seed {seed} in study.seeds.base")
    for excerpt in read_excerpts(_folder(graph, name), _folder(graph, "tokenizer"), at, count):
        place = f"tokens {excerpt.start:,} to {excerpt.end:,}: {excerpt.source} {excerpt.id}"
        click.secho(f"{place}, from its token {excerpt.skip:,}", fg="cyan")
        click.echo(excerpt.text)


def _folder(graph: Graph, name: str) -> Path:
    """The folder of a dataset that was made.

    Raises:
        UserError: it was not.
    """
    if not graph.catalog.exists(name):
        command = with_env("kedro run", graph.env)
        raise UserError(f"there is no {name} yet: {command} --pipelines synthesis,mixing")
    return Path(graph.catalog.load(name))


@cli.command()
@env_option
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the rehearsal's files in this folder.")
@click.pass_obj
def rehearse(metadata: ProjectMetadata, env: str | None, keep: Path | None) -> None:
    """Run the whole of an environment on this machine's CPUs, shrunk in size alone, from the first document to the
    report; what it reaches for elsewhere (Slurm, datasets on the hub, a model's API) has local stand-ins.
    """
    from alignment_pretraining.planning.commands import rehearse as run_small

    graph = project_graph(metadata.project_path, env)
    run_small(graph.root, graph.env, graph.params, _parameters(graph), graph.catalog.load, keep)


def _parameters(graph: Graph) -> "Parameters":
    """The specifications of what the graph has as plain values. Kedro's context has refused wrong ones."""
    from alignment_pretraining.parameters import Parameters

    return Parameters.model_validate(graph.params)
