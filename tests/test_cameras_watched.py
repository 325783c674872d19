import itertools
import logging

import numpy as np
import pytest

from appliance.cameras import Camera, CameraHungError
from appliance.cameras import watched as module
from appliance.cameras.watched import watched
from appliance.errors import CameraError, CameraStalledError, FrameError, SourceEndedError
from appliance.frame import Frame

FRAME = Frame(np.zeros((2, 2), np.uint8), 0, 0)
STALLED = CameraStalledError("no frame")
GONE = CameraError("camera is gone")
BAD = FrameError("a.jpg: not an image")
OVER = SourceEndedError("over")


class Scripted(Camera):
    """Gives what its script says, and at its end stalls for ever."""

    name = "scripted"

    def __init__(self, *script, closing=None):
        self.script = iter(script)
        self.closed = 0
        self.closing = closing

    def read(self, timeout):
        assert timeout <= module.TICK
        event = next(self.script, STALLED)
        if isinstance(event, Exception):
            raise event
        return event

    def close(self):
        self.closed += 1
        if self.closing:
            raise self.closing


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Time passes only where something waits for it."""
    now = itertools.count()
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now) * 0.1)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)


def openings(*cameras):
    """Opens these one after the other; an error among them is raised."""
    coming = iter(cameras)

    def open_it():
        camera = next(coming)
        if isinstance(camera, Exception):
            raise camera
        return camera

    return open_it


def test_frames_come_through_and_the_end_of_a_recording_ends_it():
    camera = Scripted(FRAME, FRAME, OVER)
    assert list(watched(openings(camera), 1.0, patient=False)) == [FRAME, FRAME]
    assert camera.closed == 1


def test_closing_closes_the_camera():
    camera = Scripted(FRAME, FRAME)
    frames = watched(openings(camera), 1.0, patient=False)
    next(frames)
    frames.close()
    assert camera.closed == 1


def test_a_camera_that_vanishes_is_closed_and_comes_back_by_itself_with_one_line_each_way(caplog):
    caplog.set_level(logging.INFO)
    first, second = Scripted(FRAME, GONE), Scripted(FRAME, OVER)
    seen = list(watched(openings(first, GONE, GONE, second), 1.0, patient=False))
    assert (first.closed, second.closed) == (1, 1)
    assert seen[0] == seen[-1] == FRAME
    assert set(seen[1:-1]) == {GONE}
    told, back = caplog.messages
    assert told == "camera is gone; trying again until it works"
    assert back.startswith("scripted is back after ")


def test_the_pauses_between_attempts_double_up_to_the_longest(monkeypatch):
    pauses = []
    monkeypatch.setattr(module, "_repeat", lambda error, seconds: pauses.append(seconds) or iter([error]))
    cameras = [GONE] * 7 + [Scripted(FRAME, GONE), Scripted(OVER)]
    list(watched(openings(*cameras), 1.0, patient=True))
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 0.5]


def test_a_short_wait_is_no_fault_a_long_one_is(caplog):
    camera, again = Scripted(FRAME, STALLED, FRAME), Scripted(OVER)
    seen = list(watched(openings(camera, again), 1.0, patient=False))
    assert seen[:3] == [FRAME, None, FRAME]
    assert camera.closed == 1
    assert isinstance(seen[-1], CameraStalledError)
    assert caplog.messages == [
        "scripted: no good picture for 1 s; check its cable; trying again until it works"
    ]


def test_one_bad_picture_is_told_and_left_out(caplog):
    camera = Scripted(FRAME, BAD, BAD, FRAME, OVER)
    assert list(watched(openings(camera), 5.0, patient=False)) == [FRAME, None, None, FRAME]
    assert caplog.messages == ["a.jpg: not an image; going on with the next picture"]


def test_nothing_but_bad_pictures_is_a_fault():
    camera = Scripted(*[BAD] * 100)
    seen = list(watched(openings(camera, Scripted(OVER)), 1.0, patient=False))
    assert isinstance(seen[-1], CameraStalledError)


def test_something_comes_at_every_wait_so_that_the_loop_can_stop():
    frames = watched(openings(*[GONE] * 50), 1.0, patient=True)
    assert [next(frames) for _ in range(30)] == [GONE] * 30


def test_the_first_opening_must_succeed_unless_patient():
    with pytest.raises(CameraError, match="camera is gone"):
        next(watched(openings(GONE), 1.0, patient=False))
    assert next(watched(openings(GONE), 1.0, patient=True)) is GONE


def test_a_driver_that_hangs_in_closing_is_not_waited_for_again():
    camera = Scripted(FRAME, GONE, closing=CameraHungError("scripted does not close"))
    frames = watched(openings(camera), 1.0, patient=True)
    assert next(frames) is FRAME
    with pytest.raises(CameraHungError, match="does not close"):
        next(frames)
