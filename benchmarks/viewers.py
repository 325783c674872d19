"""What viewers of the live page cost the recognition: `python -m benchmarks.viewers`.

The real appliance runs as a process of its own on a recorded frame, as fast as it can. Its frame rate is
measured with nobody looking and with many viewers in turn, several times in one run, and the ratio is told:
both halves see the same machine, whatever else it has to do. The viewers are a process of their own too; on a
machine of few processors they take time from the appliance by themselves, as a laptop's browser never would.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import websockets

from appliance import shipped


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each half of a round")
    options = parser.parse_args()
    with _appliance() as (address, token):
        ratios, views = [], []
        for number in range(1, options.rounds + 1):
            alone = _rate(address, token, options.seconds)
            with _viewers(address, token, options.viewers) as count:
                watched = _rate(address, token, options.seconds)
                views.append(count())
            ratios.append(watched / alone)
            print(
                f"round {number}: {alone:.1f} frames/s alone, {watched:.1f} with {options.viewers} viewers"
                f" ({ratios[-1]:.2f}); each saw {views[-1]:.1f} views/s"
            )
    print(f"with {options.viewers} viewers the recognition keeps {median(ratios):.0%} of its frame rate")


@contextmanager
def _appliance() -> Iterator[tuple[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        known = {"DIGIT_APPLIANCE_STATE": folder, "CONFIGURATION_DIRECTORY": folder, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "appliance", "run", "--pins", "mock", "--loop", "--listen", address]
        # One frame again and again: others take longer or less, and both halves are to read the same.
        command += ["--source", str(min(shipped.frames().glob("*two-digits*")))]
        with subprocess.Popen(command, env=os.environ | known, stderr=subprocess.DEVNULL) as process:
            try:
                token = Path(folder) / "token"
                while not token.exists() or not _answers(address, token.read_text().strip()):
                    time.sleep(0.2)
                yield address, token.read_text().strip()
            finally:
                process.kill()


def _answers(address: str, token: str) -> bool:
    try:
        return _frames(address, token) > 0
    except OSError:
        return False


def _frames(address: str, token: str) -> int:
    request = urllib.request.Request(
        f"http://{address}/api/health", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(json.load(answer)["frames"])


def _rate(address: str, token: str, seconds: float) -> float:
    """Frames a second that the appliance reads."""
    frames, began = _frames(address, token), time.monotonic()
    time.sleep(seconds)
    more = _frames(address, token)
    return (more - frames) / (time.monotonic() - began)


@contextmanager
def _viewers(address: str, token: str, number: int) -> Iterator:
    """So many who look, in a process of their own; gives what tells how many views a second each sees."""
    command = [
        sys.executable,
        "-c",
        f"from benchmarks import viewers; viewers.watch({address!r}, {token!r}, {number})",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "all look\n"
        began = time.monotonic()

        def count() -> float:
            process.terminate()
            return int(process.stdout.readline() or 0) / number / (time.monotonic() - began)

        try:
            yield count
        finally:
            process.kill()


def watch(address: str, token: str, number: int) -> None:
    """Looks with so many viewers until it is ended; says then how many views came."""
    asyncio.run(_watch(address, token, number))


async def _watch(address: str, token: str, number: int) -> None:
    views, looking = 0, 0
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(15, over.set)

    async def look() -> None:
        nonlocal views, looking
        async with websockets.connect(f"ws://{address}/api/live?token={token}", compression=None) as live:
            await live.recv()
            looking += 1
            if looking == number:
                print("all look", flush=True)
            async for message in live:
                views += looking == number and isinstance(message, bytes)

    tasks = [asyncio.create_task(look()) for _ in range(number)]
    await over.wait()
    print(views, flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    main()
