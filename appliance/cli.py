"""The command `digit-appliance`. What takes long to import is imported by the command that needs it."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.markup import escape

from appliance import __version__
from appliance.errors import ApplianceError, ConfigError, FrameError, WeightsError

if TYPE_CHECKING:
    from rich.table import Table

    from appliance.config import Config, EngineName
    from appliance.frame import Frame
    from appliance.reader import Digit

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
weights_app = typer.Typer(no_args_is_help=True, help="The weights in use: which, others, and back.")
app.add_typer(weights_app, name="weights")
corrections_app = typer.Typer(no_args_is_help=True, help="The readings that were put right, to train with.")
app.add_typer(corrections_app, name="corrections")


class Pins(StrEnum):
    """Where indicators are wired to."""

    REAL = "real"
    MOCK = "mock"


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file. Without it: /etc/digit-appliance/config.toml, if it is there."),
]
SourceOption = Annotated[
    str, typer.Option("--source", help="picamera, webcam[:N], or a folder of images, a video, an image.")
]

ListenOption = Annotated[
    str,
    typer.Option("--listen", metavar="HOST:PORT|off", help="Where the page is. Without it: as configured."),
]


def main() -> NoReturn:
    """Runs the command line and ends the process at once: taking torch apart would need seconds more."""
    status = command_line()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def command_line() -> int:
    """Runs what `sys.argv` says and gives the exit status; what goes wrong is one line and 1."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # names of files can hold anything
    try:
        app()
    except SystemExit as end:
        return int(end.code or 0)
    except (ApplianceError, OSError) as error:
        print("digit-appliance:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"digit-appliance {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Reads handwritten digits through a camera and shows them on real hardware."""


@app.command()
def run(
    config: ConfigOption = None,
    source: SourceOption = "",
    pins: Annotated[
        Pins | None, typer.Option(help="The Pi's own, or simulated ones. Without it: real on a Raspberry Pi.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Repeat a recording for ever.")] = False,
    fps: Annotated[float | None, typer.Option(help="Pace a recording, in frames a second.")] = None,
    listen: ListenOption = "",
) -> None:
    """Read what the camera sees and show it, until told to stop."""
    from gpiozero.pins.mock import MockFactory

    from appliance import indicators
    from appliance.configurations import UNWIRED, Configurations
    from appliance.corrections import Corrections
    from appliance.corrector import Corrector
    from appliance.health import Monitor
    from appliance.integrations import integrations
    from appliance.lastgood import last_good
    from appliance.machine import is_raspberry_pi
    from appliance.service import Observer, Options, Service
    from appliance.signals import Requests
    from appliance.simulated import SegmentLog, SimulatedDisplay
    from appliance.state import hold_pid
    from appliance.systemd import Systemd, log_to_stderr
    from appliance.terminal import View
    from appliance.web.page import Page

    log_to_stderr()
    _check_address(listen)
    configurations = Configurations(config)
    # Started by hand, a mistake in the file is for the person there to see.
    fallback = (last_good() or UNWIRED) if Systemd().listens else None
    try:
        settings = configurations.load()
    except ConfigError:
        if fallback is None:
            raise
        settings = fallback
    mode = pins or (Pins.REAL if is_raspberry_pi() else Pins.MOCK)
    factory = indicators.pins(mode.value)
    seven_segment = settings.indicators.seven_segment
    display = (
        SimulatedDisplay(seven_segment, factory)
        if isinstance(factory, MockFactory) and seven_segment.enabled
        else None
    )
    with ExitStack() as stack:
        stack.callback(factory.close)
        observers: list[Observer] = []
        if sys.stdout.isatty():
            observers.append(stack.enter_context(View(source or settings.camera.source, display)))
        elif display:
            observers.append(stack.enter_context(SegmentLog(display)))
        options = Options(configurations.load, factory, source, loop, fps, fallback)
        requests, corrections = Requests(), Corrections()
        service = Service(options, requests, observers)
        monitor = Monitor(service)
        service.observe(monitor)
        if stack.enter_context(hold_pid()):
            stack.enter_context(monitor)
        for integration in integrations(service, monitor, corrections):
            service.observe(stack.enter_context(integration))
            service.follow(integration.follow)
        corrector = Corrector(corrections, lambda: service.reader.card.sha256, factory)
        service.observe(stack.enter_context(corrector))
        service.follow(lambda config: corrector.follow(config.corrections))
        page = Page(service, monitor, requests, configurations, corrections, listen)
        service.observe(stack.enter_context(page))
        service.follow(page.follow)
        service.follow(lambda _: None if service.refused else configurations.keep())
        service.run()


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Once through, then a table; fails if any is wrong.")
    ] = False,
) -> None:
    """Play recorded frames through the whole appliance, with simulated pins."""
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    from appliance.demo import demonstrate

    if not demonstrate(once, MockFactory(pin_class=MockPWMPin)):
        raise typer.Exit(1)


@app.command()
def read(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Images, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    stages: Annotated[Path | None, typer.Option(help="Folder for a picture of each stage of seeing.")] = None,
) -> None:
    """Read stills."""
    from appliance.stages import draw_stages
    from appliance.weights import open_reader

    reader = open_reader(_configuration(None).reading)
    failed = False
    for path in _stills(paths):
        try:
            frame = _read_still(path)
        except FrameError as error:
            failed = True
            if as_json:
                print(json.dumps({"file": str(path), "error": str(error)}))
            else:
                print(f"digit-appliance: {error}", file=sys.stderr)
            continue
        started = time.perf_counter()
        reading = reader.read(frame)
        milliseconds = round(1000 * (time.perf_counter() - started), 1)
        if stages is not None:
            draw_stages(frame, reading, stages)
        if as_json:
            digits = [_json_digit(digit) for digit in reading.digits]
            line = {"file": str(path), "text": reading.text, "digits": digits, "milliseconds": milliseconds}
            print(json.dumps(line))
        else:
            sure = " ".join(f"{digit.confidence:.2f}" for digit in reading.digits)
            print(f"{path}: {f'{reading.text} ({sure})' if reading.text else 'nothing'}")
    if failed:
        raise typer.Exit(1)


@app.command()
def record(
    folder: Annotated[Path, typer.Argument(help="A new folder for the frames and their labels.csv.")],
    config: ConfigOption = None,
    source: SourceOption = "",
    every: Annotated[float, typer.Option(min=0, help="Seconds between two frames.")] = 0.5,
) -> None:
    """Record frames to look at, to label, and to measure by; Ctrl-C ends it."""
    from appliance import recorder
    from appliance.cameras import open_camera

    settings = _configuration(config).camera
    try:
        with open_camera(source or settings.source, settings) as camera:
            print(f"recording {camera.name} into {folder}; Ctrl-C ends it", file=sys.stderr)
            for path in recorder.record(camera, folder, every=every, timeout=settings.timeout):
                print(path)
    except KeyboardInterrupt:
        pass
    recorded = len(list(folder.glob("*.jpg")))
    print(f"{recorded} frames; write into {folder / 'labels.csv'} what each shows", file=sys.stderr)


@app.command()
def status() -> None:
    """What the running service says of itself, as JSON."""
    from msgspec import json as formatted

    from appliance.health import read_health
    from appliance.state import running

    health = read_health()
    if health is None or running() != health.pid:
        raise ApplianceError("no service is running here; digit-appliance doctor says more")
    print(formatted.encode(health).decode())


@app.command()
def url(config: ConfigOption = None, listen: ListenOption = "") -> None:
    """Show the live page's link, and on a terminal as a QR code too."""
    from appliance.config import PageSettings
    from appliance.web.access import links, read_token

    _check_address(listen)
    address = (PageSettings(listen) if listen else _configuration(config).page).address
    if address is None:
        raise ApplianceError("the page is off: set listen in [page] of the configuration, or use --listen")
    found = links(address, read_token())
    print("\n".join(found))
    if sys.stdout.isatty():
        _show_as_qr_code(found[0])
        if address[0] in ("127.0.0.1", "localhost", "::1"):
            print('Only this machine can open it. For the whole network: listen = "0.0.0.0:8000" in [page].')


def _show_as_qr_code(link: str) -> None:
    import segno

    segno.make(link, micro=False).terminal(compact=True)


def _check_address(listen: str) -> None:
    import msgspec

    from appliance.config import PageSettings

    try:
        msgspec.convert({"listen": listen or "off"}, PageSettings)
    except msgspec.ValidationError:
        wanted = '"off" or "HOST:PORT", such as "0.0.0.0:8000"'
        raise ApplianceError(f"--listen is {listen!r}; it must be {wanted}") from None


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Say what works on this machine and what does not, and what to do."""
    from appliance.doctor import examine

    table = _table("", "what", "found", "what to do")
    marks = {"ok": "[green]ok", "warn": "[yellow]warn", "fail": "[bold red]fail"}
    failed = False
    for finding in examine(_configuration_file(config)):
        failed |= finding.state == "fail"
        table.add_row(marks[finding.state], finding.what, escape(finding.found), escape(finding.advice))
    _print(table)
    if failed:
        raise typer.Exit(1)


@app.command()
def bench(config: ConfigOption = None) -> None:
    """Say how fast this machine reads, and what to expect of its camera."""
    from appliance.bench import measure, verdict
    from appliance.weights import open_reader

    settings = _configuration(config)
    reader = open_reader(settings.reading)
    table = _table("frames with", "how many", "milliseconds each", "99 of 100 within", "frames a second")
    paces = []
    for pace in measure(reader, settings.camera):
        paces.append(pace)
        table.add_row(
            pace.kind, str(pace.frames), f"{pace.median:.1f}", f"{pace.p99:.1f}", f"{1000 / pace.median:.0f}"
        )
    _print(table)
    print(f"{reader.card.network}, run by {settings.reading.engine}. {verdict(paces, settings.camera)}")


@weights_app.command()
def show() -> None:
    """Say which weights are in use, and which others could be."""
    from appliance import weights
    from appliance.card import read_weights

    settings = _configuration(None).reading
    table = _table("", "weights", "network", "measured", "date", "SHA-256")
    for path in weights.known(settings):
        mark = "[green]in use" if path == weights.candidates(settings)[0] else ""
        try:
            _, card = read_weights(path)
        except WeightsError as error:
            table.add_row(mark, f"[red]{escape(str(error))}")
            continue
        measured = ", ".join(f"{name} {value}" for name, value in card.accuracies.items())
        table.add_row(
            mark, escape(str(path)), card.network, escape(measured), escape(card.date), card.sha256[:12]
        )
    _print(table)


@weights_app.command()
def install(
    file: Annotated[Path, typer.Argument(help="A weights file, its card (.json) beside it.")],
) -> None:
    """Check weights, try them on the shipped frames, and put them in use."""
    from appliance import takeover

    result = takeover.install(file, _engine())
    print(f"{file} is in use from now on: it reads {result} right")
    _tell_of_service()


@weights_app.command(hidden=True)
def receive(sha256: str) -> None:
    """What digit-train push runs here: installs what comes as an archive on standard input."""
    from appliance import takeover

    if takeover.in_use(sha256):
        print("in use already")
        return
    result = takeover.receive(sha256, sys.stdin.buffer, _engine())
    print(f"in use from now on: reads {result} right")
    _tell_of_service()


@weights_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A weights file, its card (.json) beside it.")],
) -> None:
    """Check weights and try them on the shipped frames, and change nothing."""
    from appliance import weights

    print(f"{file} reads {weights.try_out(file, _engine())} right")


@weights_app.command()
def rollback() -> None:
    """Go back to the weights in use before the last installation."""
    from appliance import weights

    print(f"{weights.rollback()} is in use again")
    _let_service_know()


def _engine() -> "EngineName":
    return _configuration(None).reading.engine


def _tell_of_service() -> None:
    from appliance.state import running

    process = running()
    print(f"the service (process {process}) runs it" if process else "no service is running here")


@corrections_app.command("list")
def list_corrections(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what was put right: when, as what it was read, and what it is."""
    import msgspec

    from appliance.corrections import Corrections, counted

    found = Corrections().answered()
    if as_json:
        for one in found:
            print(msgspec.json.encode(one).decode())
        return
    table = _table("id", "read as", "is")
    for one in found:
        table.add_row(one.id, *("none" if value is None else str(value) for value in (one.read, one.value)))
    counts = ", ".join(f"{count} of {value}" for value, count in counted(found).items() if count)
    table.caption = f"{len(found)}: {counts.replace('None', 'no digit')}" if found else "none"
    _print(table)


@corrections_app.command("export")
def export_corrections(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Without any: all.")] = None,
) -> None:
    """Write corrections to standard output, as a tar archive with a folder for each."""
    from appliance.corrections import Corrections

    if sys.stdout.isatty():
        raise typer.BadParameter("this is an archive: send it to a file, with > corrections.tar")
    store = Corrections()
    store.export(ids or [one.id for one in store.answered()], sys.stdout.buffer)


@weights_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A weights file, its card (.json) beside it.")],
) -> None:
    """Make the ONNX of weights, for Pis without PyTorch: reading.engine = "opencv" or "onnxruntime"."""
    from appliance.export import export as make

    print(f"{make(file)} is made; keep it beside {file.name} and its card")


def _let_service_know() -> None:
    from appliance.state import reload_service

    try:
        process = reload_service()
    except PermissionError:
        print("the service is another user's: sudo systemctl reload digit-appliance", file=sys.stderr)
    else:
        print(f"the service (process {process}) reloads" if process else "no service is running here")


def _configuration_file(given: Path | None) -> Path | None:
    """The file given, or the one that belongs to the system, if there is one."""
    from appliance.configurations import usual_file

    return given or (usual_file() if usual_file().exists() else None)


def _configuration(given: Path | None) -> "Config":
    from appliance.config import load_config

    return load_config(_configuration_file(given))


def _table(*titles: str) -> "Table":
    """A table that breaks long words rather than leaving their ends out."""
    from rich.table import Column, Table

    return Table(*(Column(title, overflow="fold") for title in titles))


def _print(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)


def _stills(paths: list[Path]) -> Iterator[Path]:
    """The files meant: a folder stands for the images in it, and for itself if there are none."""
    from appliance.cameras.recording import SUFFIXES

    for path in paths:
        inside = path.iterdir() if path.is_dir() else ()
        images = sorted(file for file in inside if file.suffix.lower() in SUFFIXES and file.name[0] != ".")
        yield from images or [path]


def _read_still(path: Path) -> "Frame":
    from appliance.cameras.recording import read_still

    if path.is_dir():
        raise FrameError(f"{path}: no images in this folder")
    return read_still(path)


def _json_digit(digit: "Digit") -> dict[str, Any]:
    return {"value": digit.value, "confidence": round(digit.confidence, 3), "box": digit.box}
