from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from appliance.config import SteadySettings
from appliance.reader import Digit, Reading
from appliance.steady import Stable, Steadier

FRAME = 1_000_000_000 // 30 + 1
"""Nanoseconds between frames at 30 a second."""
HEIGHT = 100
FAR = 300
"""Pixels to where another digit stands, well apart."""
NOTHING = Reading()


def digit(value: int, x: float = 0, sure: float = 0.98, height: int = HEIGHT, y: float = 0) -> Digit:
    probabilities = np.full(10, (1 - sure) / 9, np.float32)
    probabilities[value] = sure
    box = (round(x), round(y), height // 2, height)
    return Digit(value, sure, box, probabilities, np.zeros((28, 28), np.uint8))


def number(text: str, x: float = 0, **kind) -> Reading:
    return Reading(tuple(digit(int(value), x + 70 * place, **kind) for place, value in enumerate(text)))


class Playback:
    """Feeds readings to a Steadier, a frame each, and keeps what it showed."""

    def __init__(self, **settings):
        self.steadier = Steadier(SteadySettings(**settings))
        self.time = 0
        self.shown: list[Stable] = []

    def play(self, *readings: Reading, frame: int = FRAME) -> list[str]:
        """The texts shown, one a reading."""
        before = len(self.shown)
        for reading in readings:
            self.time += frame
            self.shown.append(self.steadier.update(reading, self.time))
        return [stable.text for stable in self.shown[before:]]

    def until(self, text: str, reading: Reading, frames: int = 60) -> int:
        """How many frames of the reading it takes to show the text."""
        for count in range(1, frames + 1):
            if self.play(reading) == [text]:
                return count
        raise AssertionError(f"{text!r} was not shown in {frames} frames, but {self.shown[-1].text!r}")

    @property
    def changes(self) -> list[str]:
        return [stable.text for stable in self.shown if stable.changed]


@pytest.mark.parametrize("agree", [1, 2, 4, 6])
def test_a_text_appears_after_the_agreed_number_of_frames(agree):
    play = Playback(agree=agree)
    assert play.play(*[number("7")] * 8) == [""] * (agree - 1) + ["7"] * (9 - agree)


def test_nothing_is_shown_where_nothing_is():
    play = Playback()
    assert set(play.play(*[NOTHING] * 50)) == {""} and play.changes == []
    assert play.shown[-1] == Stable()


def test_changed_is_said_once_a_change():
    play = Playback(hold=0.5)
    play.play(*[number("7")] * 20, *[NOTHING] * 30)
    assert play.changes == ["7", ""]


def test_a_number_is_read_in_the_readers_order():
    assert Playback().play(*[number("2026")] * 4)[-1] == "2026"
    backwards = Reading(tuple(reversed(number("12").digits)))
    assert Playback().play(*[backwards] * 4)[-1] == "21"


def test_a_dropped_frame_changes_nothing_of_what_is_shown():
    play = Playback()
    play.until("42", number("42"))
    assert set(play.play(NOTHING, number("42"), number("4"), number("42"), NOTHING, NOTHING)) == {"42"}


def test_a_digit_whose_every_fifth_frame_is_dropped_appears_within_the_third_of_a_second():
    texts = Playback().play(number("7"), number("7"), number("7"), NOTHING, *[number("7")] * 5)
    assert texts[-1] == "7"


def test_a_digit_whose_box_is_now_and_then_joined_with_a_line_is_one_digit():
    """As on squared paper; its middle is half its height away then."""
    alone, joined = digit(7, 100), replace(digit(7), box=(0, 0, 150, HEIGHT))
    play = Playback()
    shown = play.play(*[Reading((one,)) for one in (alone, alone, joined, joined)] * 10)
    assert set(shown) == {"", "7"} and play.changes == ["7"]


@pytest.mark.parametrize("misread_at", range(10))
def test_one_misread_frame_is_never_shown_and_delays_little(misread_at):
    readings = [number("7")] * 10
    readings[misread_at] = number("1", sure=0.999)
    play = Playback()
    assert play.play(*readings)[8] == "7"
    assert play.changes == ["7"]


def test_a_misread_outweighs_no_window_however_sure_it_is():
    play = Playback()
    play.until("7", number("7", sure=0.5))
    play.play(*([number("7", sure=0.5)] * 5 + [number("1", sure=1.0)]) * 10)
    assert play.changes == ["7"]


@pytest.mark.parametrize("run", [1, 2, 3])
@pytest.mark.parametrize("sure", [0.4, 0.9, 1.0])
def test_two_values_in_turn_never_flicker(run, sure):
    play = Playback()
    play.play(*([number("4", sure=sure)] * run + [number("9", sure=sure)] * run) * 40)
    assert len(play.changes) <= 1


@pytest.mark.parametrize(("nines", "fours"), [(1, 3), (2, 2), (3, 3), (4, 2), (5, 1)])
def test_two_values_in_turn_never_flicker_once_one_is_shown(nines, fours):
    play = Playback()
    play.until("4", number("4"))
    play.play(*([number("9")] * nines + [number("4")] * fours) * 20)
    assert play.changes in (["4"], ["4", "9"])


def doubtful() -> Reading:
    """A 9 that may as well be a 4."""
    probabilities = np.full(10, 0.01, np.float32)
    probabilities[[4, 9]] = 0.42, 0.5
    return Reading((replace(digit(9), probabilities=probabilities, confidence=0.5),))


def test_a_doubtful_digit_keeps_the_value_it_was_given():
    play = Playback()
    play.until("4", number("4", sure=0.55))
    assert set(play.play(*[doubtful()] * 60)) == {"4"}


def test_what_was_shown_in_a_place_before_has_no_say_there_later():
    play = Playback()
    play.until("4", number("4"))
    play.until("7", number("7", x=FAR))
    play.play(*[number("7", x=FAR)] * 10)
    assert play.until("9", doubtful()) == 4


@pytest.mark.parametrize("sure", [0.6, 0.8, 0.95, 0.999])
def test_another_digit_in_the_same_place_is_shown_within_the_third_of_a_second(sure):
    play = Playback()
    play.play(*[number("7", sure=0.99)] * 60)
    assert play.until("3", number("3", sure=sure)) <= 9
    assert play.changes == ["7", "3"]


def test_another_digit_in_another_place_is_shown_as_fast_as_a_first_one():
    play = Playback()
    play.play(*[number("7")] * 60)
    assert play.until("3", number("3", x=FAR)) == 4
    assert play.changes == ["7", "3"]


def test_another_number_shows_nothing_mixed_in_between():
    play = Playback()
    play.play(*[number("42")] * 30, *[number("135", x=25)] * 30, *[number("8")] * 30)
    assert play.changes == ["42", "135", "8"]


def test_a_number_moved_by_one_digits_pitch_at_once_shows_nothing_mixed():
    play = Playback()
    play.play(*[number("42")] * 30)
    play.play(*[number("42", x=70, sure=0.8)] * 30, *[number("42", x=-140)] * 30)
    assert play.changes == ["42"]


def test_a_trembling_digit_is_read_and_stays():
    shake = np.random.default_rng(0)
    play = Playback()
    play.play(*[number("58", x=shake.uniform(-5, 5), y=shake.uniform(-5, 5)) for _ in range(90)])
    assert play.changes == ["58"] and play.shown[12].text == "58"


def test_a_small_digit_trembling_by_a_third_of_its_height_is_read():
    shake = np.random.default_rng(0)
    play = Playback()
    play.play(*[number("8", x=shake.uniform(-3, 3), height=20) for _ in range(30)])
    assert play.changes == ["8"]


def test_a_digit_wandering_and_growing_is_followed():
    play = Playback()
    play.play(*[number("6", x=8 * step, height=HEIGHT + step) for step in range(60)])
    assert play.changes == ["6"] and play.shown[3].text == "6"


@pytest.mark.parametrize("speed", [10, 15, 30, 60])
def test_half_a_number_is_not_shown_while_the_paper_slides_in(speed):
    """So many pixels a frame; each digit is seen once all of it is inside the frame, 640 pixels wide."""

    def sliding(x: int) -> Reading:
        return Reading(tuple(digit for digit in number("427", x).digits if digit.box[0] < 590))

    play = Playback()
    play.play(*[sliding(x) for x in range(640, 200, -speed)], *[sliding(220)] * 10)
    assert play.changes == ["427"]


@pytest.mark.parametrize("step", [30, 60, 200])
def test_a_digit_on_its_way_is_read_when_it_rests(step):
    play = Playback()
    assert set(play.play(*[number("7", x=step * place) for place in range(12)])) == {""}
    assert play.until("7", number("7", x=step * 12)) <= 5


def test_a_digit_added_beside_another_joins_it():
    play = Playback()
    play.play(*[number("4")] * 30)
    assert play.until("42", number("42")) == 4
    assert play.until("142", number("142", x=-70)) == 4
    assert play.changes == ["4", "42", "142"]


def test_a_digit_added_just_when_the_other_is_misread_joins_it():
    play = Playback()
    play.play(*[number("4")] * 10, number("92"), *[number("42")] * 4)
    assert play.changes == ["4", "42"]


@pytest.mark.parametrize("missed", [4, 5])
def test_a_number_is_not_shown_without_a_digit_that_was_just_seen(missed):
    play = Playback()
    play.play(*[number("427")] * 2, *[Reading(number("427").digits[::2])] * missed, *[number("427")] * 10)
    assert play.changes == ["427"]


def test_a_digit_that_was_seen_and_is_gone_holds_up_the_others_for_no_longer_than_the_window():
    play = Playback()
    play.play(*[number("42")] * 2)
    assert play.until("4", number("4")) <= 10


def test_a_hand_that_passes_over_a_digit_changes_nothing():
    play = Playback(hold=1)
    play.play(*[number("42")] * 10)
    covered = [number("4")] * 10 + [NOTHING] * 8 + [Reading((digit(2, 70),))] * 10
    play.play(*covered, *[number("42")] * 10)
    assert play.changes == ["42"]


def test_a_digit_taken_from_a_number_leaves_the_rest_after_the_hold():
    play = Playback(hold=1)
    play.play(*[number("42")] * 10)
    assert play.until("4", number("4")) == 30
    assert play.changes == ["42", "4"]


@pytest.mark.parametrize("hold", [0.0, 0.5, 1.0, 2.0])
def test_a_digit_that_left_stays_for_the_hold_and_is_cleared(hold):
    play = Playback(hold=hold)
    play.play(*[number("7")] * 10)
    left = play.time
    texts = play.play(*[NOTHING] * 90)
    cleared = texts.index("")
    assert set(texts[:cleared]) <= {"7"} and set(texts[cleared:]) == {""}
    assert hold * 1e9 <= (cleared + 1) * FRAME < hold * 1e9 + 2 * FRAME
    assert play.changes == ["7", ""] and play.shown[-1] == Stable() and left < play.time


@pytest.mark.parametrize("fps", [1, 2, 3, 8])
def test_another_number_is_shown_as_soon_by_a_slow_machine_as_frames_agree_on_it(fps):
    play = Playback(agree=4, window=6, hold=1.0)
    play.play(*[number("33")] * 8, frame=10**9 // fps)
    shown = play.play(*[number("8130", x=FAR)] * 4, frame=10**9 // fps)
    assert shown[-1] == "8130"
    assert set(shown[:-1]) <= {"33", ""}


def test_what_comes_back_within_the_hold_was_never_gone():
    play = Playback(hold=1)
    play.play(*[number("7")] * 10, *[NOTHING] * 28, *[number("7", x=FAR)] * 40, *[NOTHING] * 28)
    assert play.changes == ["7"]


def test_disagreement_without_end_clears_what_can_no_longer_be_seen():
    noise = np.random.default_rng(1)
    play = Playback(hold=1)
    play.play(*[number("7")] * 10)
    play.play(*[number(str(place % 7), x=FAR * noise.integers(1, 9)) for place in range(60)])
    assert play.changes == ["7", ""]


def test_a_pause_of_the_camera_ends_the_hold():
    play = Playback(hold=1)
    play.play(*[number("7")] * 10)
    assert play.play(NOTHING, frame=5_000_000_000) == [""]


def test_a_pause_of_the_camera_leaves_what_is_still_there():
    play = Playback(hold=1)
    play.play(*[number("7")] * 10)
    assert play.play(number("7"), frame=5_000_000_000) == ["7"]


def test_time_that_stands_still_or_runs_back_does_no_harm():
    steadier = Steadier(SteadySettings(hold=1))
    for time in [1_000, 1_000, 900, 1_000, 0, 1_000]:
        stable = steadier.update(number("7"), time)
    assert stable.text == "7"
    assert steadier.update(NOTHING, -5_000_000_000).text == "7"
    assert steadier.update(NOTHING, 1_000 + 1_000_000_000).text == ""


def test_a_step_back_in_time_does_not_shorten_the_hold():
    play = Playback(hold=1)
    play.play(*[number("7")] * 10, frame=1_000_000_000)
    assert play.play(number("7"), frame=-8_000_000_000) == ["7"]
    assert play.play(NOTHING, frame=8_500_000_000) == ["7"]
    assert play.play(NOTHING, frame=500_000_000) == [""]


def test_the_hold_is_measured_in_time_and_not_in_frames():
    fast, slow = Playback(hold=1), Playback(hold=1)
    for play, frame in (fast, FRAME // 10), (slow, FRAME * 6):
        play.play(*[number("7")] * 10, frame=frame)
        play.play(*[NOTHING] * (900_000_000 // frame), frame=frame)
        assert play.shown[-1].text == "7"
        play.play(NOTHING, NOTHING, frame=100_000_000)
        assert play.shown[-1].text == ""


def test_confidence_is_the_mean_of_the_frames_and_the_product_of_the_digits():
    play = Playback(window=4)
    play.play(*[Reading((digit(4, sure=0.9), digit(2, 70, sure=0.8)))] * 3)
    play.play(Reading((digit(4, sure=0.7), digit(2, 70, sure=0.8))))
    four, two = play.shown[-1].digits
    assert four.confidence == pytest.approx((3 * 0.9 + 0.7) / 4, abs=1e-5)
    assert two.confidence == pytest.approx(0.8, abs=1e-5)
    assert play.shown[-1].confidence == pytest.approx(0.85 * 0.8, abs=1e-5)


def test_digits_are_given_where_they_are_now():
    play = Playback()
    play.play(*[number("42", x=5 * step) for step in range(10)])
    assert [(digit.value, digit.box) for digit in play.shown[-1].digits] == [
        (4, (45, 0, 50, 100)),
        (2, (115, 0, 50, 100)),
    ]


def test_settings_may_change_while_a_text_is_shown():
    play = Playback()
    play.play(*[number("7")] * 10)
    play.steadier.settings = SteadySettings(agree=2, window=2, hold=0.1)
    assert play.until("3", number("3")) <= 4
    play.play(*[NOTHING] * 5)
    assert play.changes == ["7", "3", ""]


# What must hold whatever is seen, and whenever.

PLACES = st.sampled_from([0, 3, 40, 70, 140, 500])
DIGITS = st.builds(
    digit,
    value=st.integers(0, 9),
    x=PLACES,
    y=st.sampled_from([0, 4, 200]),
    sure=st.sampled_from([0.2, 0.5, 0.9, 1.0]),
    height=st.sampled_from([1, 20, 100, 104]),
)
READINGS = st.one_of(
    st.just(NOTHING),
    st.sampled_from([number("7"), number("1"), number("71"), number("7", x=3), number("42")]),
    st.lists(DIGITS, max_size=4).map(lambda digits: Reading(tuple(digits))),
)
RUNS = st.lists(st.tuples(READINGS, st.integers(1, 8)), max_size=8).map(
    lambda runs: [reading for reading, length in runs for _ in range(length)]
)
SETTINGS = st.builds(
    lambda agree, more, hold: SteadySettings(agree=agree, window=agree + more, hold=hold),
    st.integers(1, 6),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.1, 0.3, 1.0]),
)


@examples(deadline=None, max_examples=60)
@given(settings=SETTINGS, readings=RUNS, frames=st.lists(st.integers(-FRAME, 10 * FRAME), min_size=64))
def test_whatever_is_seen(settings, readings, frames):
    steadier = Steadier(settings)
    before = Stable()
    recent: deque[str] = deque(maxlen=settings.agree)
    since_change = settings.agree
    time, now, seen = 0, 0, 0
    for reading, frame in zip(readings, frames, strict=False):
        time += frame
        now = max(now, time)
        stable = steadier.update(reading, time)
        recent.append(reading.text)
        since_change += 1

        assert stable.changed == (stable.text != before.text)
        assert stable.text == "".join(str(digit.value) for digit in stable.digits)
        assert 0 <= stable.confidence <= 1 and (stable.confidence > 0) == bool(stable.text)
        if stable.changed and stable.text:
            # A new text was read by that many frames in a row, and so was the one before it.
            assert list(recent) == [stable.text] * settings.agree
            assert since_change >= settings.agree or not before.text
        if len(stable.digits) == len(reading.digits) and stable.text:
            seen = now
        # What is shown was there, as many digits at least, no longer ago than the hold time.
        assert not stable.text or now - seen < settings.hold * 1e9 or seen == now
        if stable.changed:
            since_change = 0
        before = stable


@examples(deadline=None, max_examples=60)
@given(settings=SETTINGS, readings=RUNS)
def test_an_empty_view_always_ends_in_an_empty_display(settings, readings):
    steadier = Steadier(settings)
    for count, reading in enumerate(readings):
        steadier.update(reading, count * FRAME)
    gone = len(readings) * FRAME + int(settings.hold * 1e9)
    steadier.update(NOTHING, gone)
    assert steadier.update(NOTHING, gone + FRAME).text == ""


@examples(deadline=None, max_examples=60)
@given(settings=SETTINGS, readings=RUNS, value=st.integers(0, 9))
def test_whatever_was_before_a_clear_digit_is_shown_within_a_window_more(settings, readings, value):
    steadier = Steadier(settings)
    for count, reading in enumerate(readings):
        steadier.update(reading, count * FRAME)
    start = (len(readings) + 1) * FRAME + int(settings.hold * 1e9)
    for count in range(settings.window + settings.agree + 1):
        stable = steadier.update(number(str(value), sure=0.99), start + count * FRAME)
    assert stable.text == str(value)
