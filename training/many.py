"""The same with many Pis at once, and what came of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Column, Table

from appliance.errors import ApplianceError
from training.errors import DataError
from training.remote import Host

AT_ONCE = 32


def read_hosts(path: Path) -> list[str]:
    """The hosts in a file: one a line, the rest of which may say something after a `#`.

    Raises `DataError` if it cannot be read, or names none.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', 'not text')})") from error
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    if not names:
        raise DataError(f"{path}: names no hosts; write one a line")
    return list(dict.fromkeys(names))


def with_each(hosts: Sequence[Host], do: Callable[[Host], str], console: Console) -> bool:
    """Does something with all hosts side by side, shows a table of it, and gives whether all went well."""
    table = Table(*(Column(title, overflow="fold") for title in ("", "host", "result", "seconds")))
    failed = 0
    with (
        ThreadPoolExecutor(min(AT_ONCE, len(hosts))) as pool,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        waits = {pool.submit(_timed, do, host): host for host in hosts}
        told = {}
        for done in progress.track(as_completed(waits), total=len(hosts), description="hosts"):
            told[waits[done]] = done.result()
    for host in hosts:
        well, result, seconds = told[host]
        failed += not well
        mark = "[green]ok" if well else "[bold red]fail"
        table.add_row(mark, escape(host.name), escape(result), f"{seconds:.1f}")
    table.caption = f"{len(hosts) - failed} of {len(hosts)} went well"
    console.print(table)
    return not failed


def _timed(do: Callable[[Host], str], host: Host) -> tuple[bool, str, float]:
    began = monotonic()
    try:
        well, result = True, do(host)
    except ApplianceError as error:
        well, result = False, str(error).removeprefix(f"{host.name}: ")
    return well, result, monotonic() - began
