"""The command `digit-train`."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from appliance.errors import ApplianceError
from training.errors import TrainingError
from training.remote import Host

if TYPE_CHECKING:
    import torch

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

WEIGHTS, REPORTS, CORRECTIONS = Path("digits.pt"), Path("reports"), Path("corrections")

Data = Annotated[
    Path | None, typer.Option(help="Folder with MNIST's four files; otherwise they are downloaded once.")
]
Report = Annotated[
    Path | None, typer.Option(help="Folder for tables and pictures.", show_default="reports/NAME")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads to use.", show_default="all")]
DeviceName = Annotated[str, typer.Option("--device", help="Where to compute: auto, cpu, cuda, mps, ...")]


@app.callback()
def digit_train() -> None:
    """Trains networks that read digits, and measures them."""


@app.command()
def fit(
    network: Annotated[
        str | None,
        typer.Option(
            help="digitnet, workshop-conv, workshop-linear or digitnet-wide.", show_default="digitnet"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", help="Weights to begin with, in place of fresh ones.")
    ] = None,
    taught_by: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="<path>",
            help="Trained weights whose answers are learnt, too; give it again for more of them.",
        ),
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="Folder of corrections, as digit-train pull fills it.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the weights go, with their card beside them.")] = WEIGHTS,
    data: Data = None,
    report: Report = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Times through the data.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Images a step.")] = None,
    lr: Annotated[
        float | None, typer.Option(min=1e-9, help="Learning rate; with digitnet the highest of its cycle.")
    ] = None,
    optimiser: Annotated[str | None, typer.Option(help="sgd or adam.")] = None,
    scenes: Annotated[
        int | None, typer.Option(min=0, help="Crops of rendered scenes to train on as well.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, same weights, on the same machine.")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    threads: Threads = None,
    device: DeviceName = "auto",
) -> None:
    """Trains a network; what is not given suits it. Run again after an interruption, it goes on.

    With --from, it begins with weights that are trained already; with --corrections too, they learn what was
    put right, in a few minutes. With --taught-by, it learns what trained weights say of each crop as well.
    """
    from training import fit as training
    from training import tune
    from training.recipe import recipe, tuning

    choices = {
        "epochs": epochs,
        "batch": batch,
        "lr": lr,
        "optimiser": optimiser,
        "scenes": scenes,
        "seed": seed,
        "precision": precision,
    }
    folder = report or REPORTS / out.stem
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    where = _device(device, threads)
    try:
        if taught_by and corrections:
            raise TrainingError("corrections are learnt without teachers: leave --taught-by out")
        if start and corrections:
            if "WORLD_SIZE" in os.environ:
                raise TrainingError("corrections are learnt by one process: leave torchrun out")
            chosen = tuning(_network_of(start, network), **choices)
            card = tune.tune(chosen, start, corrections, out, data, folder, where, console)
        elif corrections:
            raise TrainingError("--corrections needs --from: the weights that are to learn them")
        else:
            name = _network_of(start, network) if start else network or "digitnet"
            teachers = tuple(map(str, taught_by or ()))
            chosen = recipe(name, start=start and str(start), teachers=teachers, **choices)
            finished = training.fit(chosen, out, data, folder, where, console)
            if finished is None:  # one of several processes, and not the one that tells
                return
            card = finished
    except KeyboardInterrupt:
        what = "nothing was written" if corrections else "the same command goes on after the last whole epoch"
        print(f"interrupted; {what}", file=sys.stderr)
        raise typer.Exit(130) from None
    for name, share in card.accuracies.items():
        print(f"{name} {100 * share:.2f} %")
    print(f"weights {out}, report {folder / 'report.md'}")


@app.command()
def evaluate(
    weights: Annotated[Path, typer.Argument(help="A weights file, with its card beside it.")],
    data: Data = None,
    report: Report = None,
    threads: Threads = None,
    device: DeviceName = "auto",
) -> None:
    """Measures a network on MNIST's test images."""
    from appliance.network import load
    from training import mnist
    from training import report as reports
    from training.evaluate import evaluate as measure

    network, card = load(weights)
    digits = mnist.test(data)
    tested = measure(network.to(_device(device, threads)), digits)
    print(f"average loss {tested.loss:.4f}")
    print(f"accuracy {100 * tested.accuracy:.2f} %")
    folder = report or REPORTS / weights.stem
    reports.write(folder, card, tested, digits)
    print(f"report {folder / 'report.md'}")


FOUND = "found"
NOBODY = "no appliance answers on this network; announce.enabled = true in a Pi's configuration has it answer"

HostName = Annotated[str | None, typer.Argument(metavar="HOST", help="Any name that ssh knows.")]
All = Annotated[
    Path | None,
    typer.Option(
        "--all", help='In place of HOST, a file with a host a line, or "found": what discover finds.'
    ),
]
Ssh = Annotated[str, typer.Option(envvar="DIGIT_TRAIN_SSH", help="ssh, with options if need be.")]


@app.command()
def push(
    host: HostName = None,
    weights: Annotated[Path | None, typer.Argument(show_default=str(WEIGHTS))] = None,
    all_of: All = None,
    ask_sudo: Annotated[bool, typer.Option("--ask-sudo", help="Ask for the password of sudo there.")] = False,
    ssh: Ssh = "ssh",
) -> None:
    """Sends weights to a Pi, or to many. Each runs them, tried and whole, or goes on with what it had."""
    from training import push as pushing

    names, file = _hosts(host, weights, all_of)
    sha256, archive = pushing.pack(Path(file or WEIGHTS))
    password = typer.prompt("sudo's password there", hide_input=True) if ask_sudo else None
    hosts = [Host(name, ssh, password, alone=len(names) == 1) for name in names]
    _with_each(hosts, lambda host: pushing.push(host, sha256, archive))


@app.command()
def pull(
    host: HostName = None,
    folder: Annotated[Path | None, typer.Argument(show_default=str(CORRECTIONS))] = None,
    all_of: All = None,
    ssh: Ssh = "ssh",
) -> None:
    """Fetches the corrections made on a Pi, or on many, into a folder; again, it fetches what is new."""
    from training import pull as pulling

    names, place = _hosts(host, folder, all_of)
    into = Path(place or CORRECTIONS)
    with pulling.alone_in(into):
        hosts = [Host(name, ssh, alone=len(names) == 1) for name in names]
        _with_each(hosts, lambda host: pulling.pull(host, into))


@app.command(name="discover")
def discover_appliances(
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to wait for answers.")] = 3.0,
    hosts: Annotated[bool, typer.Option("--hosts", help="Names only, a line each: for --all FILE.")] = False,
) -> None:
    """Lists the appliances on this network that announce themselves, and how they fare."""
    from training.discover import discover, table

    found = discover(seconds)
    if not found:
        raise TrainingError(NOBODY)
    if hosts:
        print("\n".join(one.host for one in found))
    else:
        Console().print(table(found))


def _hosts(host: str | None, rest: Path | None, all_of: Path | None) -> tuple[list[str], str | Path | None]:
    """The hosts meant, and what was given beside them: with `--all` there is no HOST before it."""
    from training.many import read_hosts

    if all_of is None:
        if host is None:
            raise typer.BadParameter("give a HOST, or --all FILE")
        return [host], rest
    if rest is not None:
        raise typer.BadParameter("give a HOST or --all FILE, not both")
    return (_found() if str(all_of) == FOUND else read_hosts(all_of)), host


def _found() -> list[str]:
    from training.discover import SECONDS, discover

    hosts = [one.host for one in discover(SECONDS)]
    if not hosts:
        raise TrainingError(NOBODY)
    return hosts


def _with_each(hosts: list[Host], do: Callable[[Host], str]) -> None:
    from training.many import with_each

    if len(hosts) == 1:
        print(f"{hosts[0].name}: {do(hosts[0])}")
    elif not with_each(hosts, do, Console()):
        raise typer.Exit(1)


def _network_of(weights: Path, wanted: str | None) -> str:
    from appliance.network import load

    name = load(weights)[1].network
    if wanted not in (None, name):
        raise TrainingError(f"{weights} is a {name}; leave --network {wanted} out")
    return name


def _device(name: str, threads: int | None) -> "torch.device":
    import torch

    if threads:
        torch.set_num_threads(threads)
    if name == "auto":
        # Of several processes on one machine, each takes a graphics card of its own.
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.empty(0, device=name).device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        return device
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"--device {name} is not to be had here; give auto or cpu") from error


def main() -> None:
    """Runs the command; an error is one line and exit status 1."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        app()
    except ApplianceError as error:
        sys.exit(f"digit-train: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f"digit-train: {error.name} is missing; pip install 'digit-appliance[train]'")
