"""Whether a live camera sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cameras.liveness import DARK_AFTER, STANDS_STILL_AFTER, Darkness, Standstill, StandstillError
from appliance.frame import Frame


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def frame(level: int, noise: int = 0) -> Frame:
    dice = np.random.default_rng(level * 1000 + noise)
    gray = np.full((48, 64), level, np.uint8)
    return Frame(gray + dice.integers(0, noise + 1, gray.shape, np.uint8), 0, 0)


def test_the_same_picture_to_the_last_bit_is_a_standstill_after_a_while() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    for clock.now in np.arange(0, STANDS_STILL_AFTER, 0.1):
        standstill.look(frame(200), "picamera")
    clock.now += 0.3
    with pytest.raises(StandstillError, match="picamera: the same picture for 10 s"):
        standstill.look(frame(200), "picamera")


@given(st.integers(40, 200), st.integers(1, 3))
def test_a_still_scene_in_a_sensors_noise_is_none(level: int, noise: int) -> None:
    clock = Clock()
    standstill = Standstill(clock)
    dice = np.random.default_rng(level)
    for clock.now in np.arange(0, 3 * STANDS_STILL_AFTER, 0.5):
        gray = dice.integers(level, level + noise, (48, 64), np.uint8, endpoint=True)
        standstill.look(Frame(gray, 0, 0), "picamera")


def test_a_camera_that_moves_on_in_time_is_forgiven() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    for level in (100, 101, 100, 101):
        for _ in range(9):
            clock.now += STANDS_STILL_AFTER / 10
            standstill.look(frame(level), "picamera")


def test_black_pictures_may_stand_still_for_a_whole_night() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    for clock.now in range(0, 36_000, 60):
        standstill.look(frame(0), "picamera")


def test_the_picture_before_is_kept_though_the_cameras_memory_is_used_again() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    memory = np.full((48, 64), 100, np.uint8)
    for clock.now in range(0, 100):
        memory[:] = 100 + int(clock.now) % 2
        standstill.look(Frame(memory, 0, 0), "picamera")


def test_darkness_is_told_once_when_it_has_lasted_and_once_when_it_ends() -> None:
    clock = Clock()
    darkness = Darkness(clock)
    assert not darkness.look(frame(0, 16))
    clock.now = DARK_AFTER + 0.1
    assert darkness.look(frame(0, 16)) and darkness.dark
    assert not darkness.look(frame(0, 16))
    assert darkness.look(frame(90)) and not darkness.dark
    assert not darkness.look(frame(90))


def test_a_shadow_that_passes_is_no_darkness() -> None:
    clock = Clock()
    darkness = Darkness(clock)
    for clock.now in np.arange(0, 20, DARK_AFTER / 2):
        assert not darkness.look(frame(0 if int(clock.now) % 2 else 90))


def test_a_dim_page_is_not_dark() -> None:
    clock = Clock()
    darkness = Darkness(clock)
    for clock.now in range(60):
        assert not darkness.look(frame(30, 10))
