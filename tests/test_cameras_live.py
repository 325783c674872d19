"""The newest item between two threads, and calls that hang."""

import threading

import pytest

from appliance.cameras import CameraHungError
from appliance.cameras.live import Newest, within
from appliance.errors import CameraError, CameraStalledError


def test_what_nobody_took_is_given_back() -> None:
    newest: Newest[str] = Newest("camera")
    assert newest.put("first") is None
    assert newest.put("second") == "first"
    assert newest.take(1.0) == ("second", 1)
    assert newest.put("third") is None
    assert newest.end("is closed") == "third"
    assert newest.end("is closed") is None
    assert newest.put("fourth") == "fourth"


def test_waiting_ends_when_it_is_over() -> None:
    newest: Newest[str] = Newest("camera")
    threading.Timer(0.1, newest.end, ["is closed"]).start()
    with pytest.raises(CameraError, match=r"^camera is closed$"):
        newest.take(30.0)


def test_the_first_reason_stays() -> None:
    newest: Newest[str] = Newest("camera")
    newest.end("is unplugged")
    newest.end("is closed")
    with pytest.raises(CameraError, match=r"^camera is unplugged$"):
        newest.take(1.0)


def test_waiting_is_bounded() -> None:
    newest: Newest[str] = Newest("camera")
    with pytest.raises(CameraStalledError, match=r"^camera: no frame for 0.01 s; check its cable$"):
        newest.take(0.01)


def test_every_item_is_taken_or_given_back_exactly_once() -> None:
    newest: Newest[int] = Newest("camera")
    returned: list[int | None] = []
    taken: list[int] = []

    def fill() -> None:
        returned.extend(newest.put(item) for item in range(2000))
        returned.append(newest.end("is closed"))

    thread = threading.Thread(target=fill)
    thread.start()
    with pytest.raises(CameraError, match=r"closed"):
        while True:
            item, sequence = newest.take(30.0)
            assert item == sequence
            taken.append(item)
    thread.join()
    assert taken == sorted(taken)
    assert sorted([*taken, *(item for item in returned if item is not None)]) == list(range(2000))


def test_within_gives_what_the_call_gives_or_raises() -> None:
    assert within(30.0, lambda: 42, "it does not end") == 42
    with pytest.raises(ZeroDivisionError):
        within(30.0, lambda: 1 // 0, "it does not end")


def test_an_error_of_the_call_that_is_a_timeout_is_not_taken_for_hanging() -> None:
    def stalls() -> None:
        raise CameraStalledError("no frame")

    with pytest.raises(CameraStalledError, match=r"no frame"):
        within(30.0, stalls, "it does not end")


def test_within_does_not_wait_for_a_call_that_hangs() -> None:
    over = threading.Event()
    with pytest.raises(CameraHungError, match=r"^camera does not close within 0.05 s: its driver hangs"):
        within(0.05, lambda: over.wait(60), "camera does not close")
    over.set()
