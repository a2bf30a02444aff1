"""`stitchgen sweep`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stitchgen.commands import add, fuse
from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import EVERY_COMMAND, PYTHON
from stitchgen.errors import UsageError

if TYPE_CHECKING:
    from stitchgen.project.config import Project
    from stitchgen.sweep.configured import Configured
    from stitchgen.sweep.spec import Place, Spec, Variant
    from stitchgen.targets.request import SpliceRequest

NAME = "sweep"
SEEDS = "5"
#: What is left of the arguments behind `--`: the command that trains.
TRAINS = "stitchgen.trains"


class Sweep(click.Command):
    """A command line that ends with another one, behind `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, trains = args, []
        if "--" in args:
            place = args.index("--")
            own, trains = args[:place], args[place + 1 :]
        ctx.meta[TRAINS] = tuple(trains)
        return super().parse_args(ctx, own)


@click.command(
    "sweep",
    short_help="Does a block help? Train variants at several seeds.",
    cls=Sweep,
    options_metavar="[OPTIONS] -- COMMAND {seed}",
)
@click.argument("what", nargs=-1, metavar="[check|status|report|keep VARIANT|prune]")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar='NAME="ADD"',
    help="A variant: NAME, "
    "and what follows stitchgen add (or a whole fuse); several splices are joined by ;",
)
@click.option("--seeds", help="How many, 100-104, or 1,2,7.  [default: 5]")
@click.option("--metric", help="The number to compare by: val_acc, or min:val_loss.")
@click.option(
    "--at",
    type=click.Choice(["last", "best"]),
    help="Which of its values counts.  [default: last]",
)
@click.option("--jobs", metavar="N|gpu", help="Runs at once; gpu: one on each.  [default: 1]")
@click.option("--slurm", is_flag=True, help="Runs are SLURM jobs: pip install 'stitchgen[slurm]'.")
@click.option(
    "--ray", metavar="ADDRESS", help="Runs on a Ray cluster: pip install 'stitchgen[ray]'."
)
@click.option("--name", help=f"The name of the sweep.  [default: {NAME}]")
@click.option("--probe", metavar="WORDS", help='For check, added to the command: "--epochs 1".')
@click.option("--timeout", type=float, metavar="SECONDS", help="How long a run may take.")
@click.option("--link", multiple=True, metavar="PATH", help="Link this, do not copy it.")
@click.option("--fresh", multiple=True, metavar="PATH", help="Runs begin without this.")
@click.option("--no-pair", is_flag=True, help="Do not start variants from the baseline's state.")
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="The report's language.",
)
@click.option("--dry-run", is_flag=True, help="Plan and prove the variants, and run nothing.")
@PYTHON
@EVERY_COMMAND
@click.pass_context
def command(
    ctx: click.Context,
    /,
    what: tuple[str, ...],
    variants: tuple[str, ...],
    project: str,
    name: str | None,
    lang: str,
    dry_run: bool,
    **options: Any,
) -> Any:
    """Does a block help? Train variants of the project at several seeds, in pairs.

    \b
    stitchgen sweep --variant cbam="cbam --after model.layer2" --seeds 5 \\
        --metric val_acc --jobs 2 -- python train.py --seed {seed}
    stitchgen sweep               the one that sweep.toml describes
    stitchgen sweep check         one short run of each; shows what would be read
    stitchgen sweep status        what is done, failed, going, to do
    stitchgen sweep report        the report again, of what is done
    stitchgen sweep keep cbam     that variant in the project itself
    stitchgen sweep prune         without the copies of runs that are done; results stay
    stitchgen sweep --slurm       its runs as jobs; [slurm] in sweep.toml has what they ask for
    stitchgen sweep --ray auto    its runs on a Ray cluster; [ray] has what they ask for

    The same command goes on where it was interrupted. Each run has a copy of the project below
    .stitchgen/; the project's own files stay as they are.
    """
    if what[:1] == ("exec",) and len(what) == 2:
        from stitchgen.sweep import supervise

        return supervise.run(Path(what[1]))
    from stitchgen.sweep.configured import configured

    at = project_at(project)
    file = configured(at)
    named = name or file.name or NAME
    match what:
        case ("status",):
            from stitchgen.sweep import status

            return status.run(at, named)
        case ("report",):
            from stitchgen.sweep import status

            return status.report(at, named, lang)
        case ("keep", variant):
            from stitchgen.sweep import keep

            return keep.run(at, named, variant)
        case ("prune",):
            from stitchgen.sweep import prune

            return prune.run(at, named, dry_run=dry_run)
        case ("check",):
            from stitchgen.sweep import check

            spec = _spec(at, file, ctx.meta[TRAINS], variants, named, options)
            return check.run(at, spec, options["probe"] or file.probe, _say)
        case ():
            from stitchgen.sweep import run

            spec = _spec(at, file, ctx.meta[TRAINS], variants, named, options)
            return run.dry_run(at, spec, _say) if dry_run else run.run(at, spec, _say, lang=lang)
    raise UsageError(
        "usage",
        f"sweep does not know {' '.join(what)!r}",
        hint="stitchgen sweep check, status, report, keep VARIANT or prune; what trains stands behind --",
    )


def _spec(
    at: Project,
    file: Configured,
    trains: tuple[str, ...],
    variants: tuple[str, ...],
    name: str,
    options: dict[str, Any],
) -> Spec:
    """What is asked for: by the command line, else by the file."""
    from stitchgen.sweep.spec import Metric, Spec, seeds_of

    place, jobs = _place_of(file, options)
    metric = options["metric"] or file.metric
    if metric is None:
        raise UsageError(
            "usage",
            "it is not said what the runs are compared by",
            hint="--metric val_acc: a number that the training prints or writes",
        )
    # A command that is typed is meant for the folder that it is typed in.
    here = (at.current or at.root).resolve() if trains else at.root
    return Spec(
        name=name,
        command=trains or file.command,
        seeds=seeds_of(options["seeds"]) if options["seeds"] else file.seeds or seeds_of(SEEDS),
        metric=Metric.of(metric, options["at"] or file.at or "last"),
        variants=tuple(map(_variant, variants)) if variants else _variants_of(file),
        jobs=jobs,
        place=place,
        folder=here.relative_to(at.root).as_posix() if here.is_relative_to(at.root) else ".",
        python=options["python"] or file.python,
        pair=file.pair and not options["no_pair"],
        timeout=options["timeout"] or file.timeout,
        link=options["link"] or file.link,
        fresh=options["fresh"] or file.fresh,
    )


def _place_of(file: Configured, options: dict[str, Any]) -> tuple[Place, int]:
    """Where the runs go, and how many at once."""
    from stitchgen.sweep.gpus import gpus
    from stitchgen.sweep.spec import QUEUED, Place

    asked = options["jobs"] or file.jobs or 1
    if asked != "gpu" and (not str(asked).isdigit() or int(asked) < 1):
        raise UsageError(
            "usage",
            f"--jobs {asked} is neither a number nor gpu",
            hint="--jobs 2, or --jobs gpu: one run on each",
        )
    if options["slurm"] and options["ray"]:
        raise UsageError("usage", "--slurm and --ray name two places", hint="leave one of them out")
    if options["slurm"] or options["ray"]:
        if options["jobs"] == "gpu":
            raise UsageError(
                "usage",
                "--jobs gpu counts the GPUs of this machine, and the runs go to a cluster",
                hint="gpus_per_node = 1 in [slurm], num_gpus = 1 in [ray] of sweep.toml",
            )
        own = Place("slurm", "", file.slurm) if options["slurm"] else None
        place = own or Place("ray", options["ray"], file.ray)
        return place, int(options["jobs"] or QUEUED)  # the file's are those of this machine
    if asked == "gpu":
        found = gpus()
        return Place(gpus=found), len(found)
    return Place(), int(asked)


def _variants_of(file: Configured) -> tuple[Variant, ...]:
    """Those of the file; a faulty one is complained of with its name."""
    from stitchgen.sweep.spec import Variant

    found = []
    for name, texts in (file.variants or {}).items():
        try:
            found.append(Variant(name, texts, tuple(request_of(text) for text in texts)))
        except (UsageError, click.UsageError) as error:
            said = error.message if isinstance(error, UsageError) else error.format_message()
            raise UsageError(
                "usage",
                f"variant {name}: {said}",
                hint=f'{name} = "cbam --after model.layer2": what follows stitchgen add',
            ) from error
    return tuple(found)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _variant(text: str) -> Variant:
    from stitchgen.sweep.spec import Variant

    name, equals, commands = text.partition("=")
    texts = tuple(part.strip() for part in commands.split(";") if part.strip())
    if not equals or not texts:
        raise UsageError(
            "usage",
            f"--variant {text!r} is not of the form NAME='cbam --after model.layer2'",
            hint='--variant cbam="cbam --after model.layer2"',
        )
    return Variant(name.strip(), texts, tuple(request_of(part) for part in texts))


def request_of(text: str) -> SpliceRequest:
    """What the arguments of an `add`, or a whole `fuse`, ask for."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError("usage", f"--variant {text!r}: {error}", hint="close the quote") from error
    module: Any = add
    if words[:1] in (["add"], ["fuse"]):
        module = fuse if words.pop(0) == "fuse" else add
    with module.command.make_context(
        module.command.name, words, obj=click.get_current_context().obj
    ) as made:
        given = dict(made.params)
    for option in ("dry_run", "diff", "yes", "project"):
        given.pop(option)
    if given.pop("pick", False):
        raise UsageError("usage", "--pick asks a person", hint="name the layers in --variant")
    request: SpliceRequest = module.request_of(**given)
    return request
