import time

import cv2
import numpy as np
import pytest
from drawn import draw, save_weights
from gpiozero import LED
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance.config import CorrectionSettings
from appliance.corrections import Corrections
from appliance.corrector import Corrector
from appliance.frame import Frame
from appliance.reader import Reader, Reading
from appliance.reading.judged import Judged
from appliance.service import Moment
from appliance.steady import Stable
from appliance.vision import find_crops

BUTTON = CorrectionSettings(button=17)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(save_weights(tmp_path_factory.mktemp("weights") / "digits.pt"))


@pytest.fixture
def factory():
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


@pytest.fixture
def store(tmp_path):
    return Corrections(folder=tmp_path)


@pytest.fixture
def corrector(store, factory):
    corrector = Corrector(store, lambda: "ab" * 32, factory)
    corrector.follow(BUTTON)
    return corrector


def moment(reader, text):
    gray = draw(text)
    return Moment(Frame(gray, 0, 0), reader.read(Frame(gray, 0, 0)), Stable(), 1.0, 1, 0)


def press(factory, number=17):
    factory.pin(number).drive_low()
    time.sleep(0.06)  # longer than the button bounces
    factory.pin(number).drive_high()
    time.sleep(0.06)


def test_a_press_keeps_each_digit_in_view_to_be_answered(corrector, store, factory, reader):
    with corrector:
        corrector(moment(reader, "42"))  # nothing was asked yet
        press(factory)
        corrector(moment(reader, "70"))
        corrector(moment(reader, "42"))  # asked once, kept once
    kept = store.all()
    assert sorted(one.read for one in kept) == [0, 7]
    assert all(one.waits and one.weights == "ab" * 32 for one in kept)


def test_the_frame_is_a_copy_for_the_camera_writes_into_its_own(corrector, store, reader):
    with corrector:
        seen = moment(reader, "4")
        corrector.ask()
        corrector(seen)
        seen.frame.gray[:] = 0
    (one,) = store.all()
    frame = cv2.imread(str(store.folder / f"waiting-{one.id}" / "frame.jpg"), cv2.IMREAD_GRAYSCALE)
    assert frame.mean() > 150


def test_where_nothing_was_read_the_tallest_stroke_passed_over_is_kept(corrector, store):
    with corrector:
        corrector.ask()
        corrector(moment(_Blind(), "4"))
    (one,) = store.all()
    assert one.read is None
    assert one.confidence == 0.0


class _Blind:
    """Looks at everything, and reads nothing."""

    def read(self, frame):
        even = np.full(10, 0.05, np.float32)
        return Reading((), [Judged(crop, even, 0.5) for crop in find_crops(frame.gray)])


def test_where_nothing_is_in_view_that_is_said(corrector, store, reader, caplog):
    caplog.set_level("INFO")
    with corrector:
        corrector.ask()
        corrector(moment(reader, ""))
    assert store.all() == []
    assert "nothing is in view" in caplog.text


def test_a_full_store_is_said_too(corrector, store, reader, caplog):
    store.settings = CorrectionSettings(most=1)
    with corrector:
        corrector.ask()
        corrector(moment(reader, "70"))
    assert len(store.all()) == 1
    assert "corrections.most" in caplog.text


def test_the_button_moves_with_the_configuration(corrector, store, factory, reader):
    with corrector:
        corrector.follow(CorrectionSettings(button=22))
        press(factory)
        corrector(moment(reader, "4"))
        press(factory, 22)
        corrector(moment(reader, "7"))
        corrector.follow(CorrectionSettings())
        press(factory, 22)
        corrector(moment(reader, "4"))
    assert [one.read for one in store.all()] == [7]


def test_a_pin_that_is_taken_stops_nothing(store, factory, caplog):
    with LED(17, pin_factory=factory):
        Corrector(store, str, factory).follow(BUTTON)
    assert "corrections.button: GPIO 17" in caplog.text
