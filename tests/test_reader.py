"""The reader: crops judged in one batch, the best explanation of each row read, and what is none left out.

A stand-in network answers what its crops say: pixel `v` of a crop's first row is how likely class `v` is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn import draw as printed
from drawn import save_weights
from handwritten import blank, digit, gray, mark, overlap, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from appliance import network, reader, shipped
from appliance.errors import WeightsError
from appliance.frame import Frame
from appliance.network import MEAN, NETWORKS, STD, Calibration, Card
from appliance.reader import Digit, Reader, Reading
from appliance.vision import Crop
from training.clutter import CLUTTER
from training.pens import DIGITS
from training.scenes import Look, render_clutter

STEP = 16.0
"""Levels of gray to each factor of e."""
NOWHERE = np.zeros((480, 640), np.uint8)


class StandIn(nn.Module):
    """Answers what the crops say; counts how often it is asked."""

    classes = 11

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.batches: list[int] = []
        self.inference = True

    def forward(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        self.inference &= torch.is_inference_mode_enabled()
        levels = (pixels[:, 0, 0, : self.classes] * STD + MEAN) * 255
        return (self.scale * levels / STEP).log_softmax(dim=1)


class OnlyDigits(StandIn):
    """One that knows the ten digits and nothing else."""

    classes = 10


def answers(says: dict[int, float], classes: int = 11) -> NDArray[np.uint8]:
    """A crop for which the stand-in's probabilities are about these; the rest is shared by the others."""
    rest = (1 - sum(says.values())) / (classes - len(says))
    likely = np.full(classes, max(rest, 1e-6))
    for value, probability in says.items():
        likely[value] = probability
    image = np.zeros((28, 28), np.uint8)
    image[0, :classes] = np.round(STEP * np.log(likely / likely.min()))
    return image


NONE = 10


@dataclass
class Row:
    """A made-up row of crops; parts are 60 pixels apart."""

    y: int = 100
    height: int = 100
    dark: bool = True
    crops: list[Crop] = field(default_factory=list)

    def add(
        self,
        first: int,
        past: int,
        says: dict[int, float],
        strokes: int = 1,
        height: int = 0,
        classes: int = 11,
    ) -> "Row":
        box = (60 * first + 10, self.y, 60 * (past - first) - 10, height or self.height)
        crop = Crop(box, answers(says, classes), 0, first, past, strokes, self.dark)
        self.crops.append(crop)
        return self


def numbered(rows: Sequence[Row]) -> list[Crop]:
    found: list[Crop] = []
    for number, row in enumerate(rows):
        found += [replace(crop, row=number) for crop in row.crops]
    return found


class Desk:
    """A reader with a stand-in network, before which made-up rows are laid."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weights = folder / "digits.pt"
        self._monkeypatch = monkeypatch
        self.network: StandIn

    def reader(self, kind: type[StandIn] = StandIn, own: float | None = None, **calibration: float) -> Reader:
        """One whose card has this calibration, and that is given a threshold of its `own`."""
        self._monkeypatch.setitem(NETWORKS, "stand-in", kind)
        known = Calibration(**{"temperature": 1.0, "threshold": 0.5, **calibration})
        network.save(kind(), self.weights, Card("stand-in", kind.classes, "", calibration=known))
        made = Reader(self.weights, own)
        (self.network,) = (value for value in vars(made).values() if isinstance(value, nn.Module))
        return made

    def read(self, *rows: Row, by: Reader | None = None) -> Reading:
        by = by or self.reader()
        self._monkeypatch.setattr(reader, "find_crops", lambda gray: numbered(rows))
        return by.read(Frame(NOWHERE, 0, 0))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


# --- a digit, and a reading ---


def test_a_digit_is_read_with_all_that_is_known_of_it(desk: Desk) -> None:
    row = Row().add(0, 1, {7: 0.9, 1: 0.06})
    (read,) = desk.read(row).digits
    assert read.value == 7
    assert read.confidence == pytest.approx(0.9, abs=0.02)
    assert read.box == row.crops[0].box
    assert np.array_equal(read.crop, row.crops[0].image)
    assert read.log_probabilities.shape == (10,) and read.log_probabilities.dtype == np.float32
    assert np.exp(read.log_probabilities[[7, 1]]) == pytest.approx([0.9, 0.06], abs=0.02)
    assert np.isfinite(read.log_probabilities).all()


def test_a_readings_text_is_its_digits_in_order() -> None:
    def one(value: int) -> Digit:
        return Digit(value, 0.9, (0, 0, 1, 1), np.zeros(10, np.float32), NOWHERE[:28, :28])

    assert Reading((one(4), one(0), one(2))).text == "402"
    assert Reading().text == ""
    assert Reading((one(4),)) == Reading((one(4),)) != Reading((one(5),))


def test_the_digits_of_a_row_are_read_from_left_to_right_and_rows_from_top_to_bottom(desk: Desk) -> None:
    top = Row(50).add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99})
    bottom = Row(250).add(0, 1, {7: 0.99})
    assert desk.read(top, bottom).text == "427"


def test_all_crops_of_a_frame_are_judged_in_one_batch(desk: Desk) -> None:
    by = desk.reader()
    rows = [Row(y).add(0, 1, {3: 0.99}).add(1, 2, {5: 0.99}) for y in (50, 200, 350)]
    desk.read(*rows, Row(50, dark=False).add(0, 1, {NONE: 0.99}), by=by)
    assert desk.network.batches == [7]
    assert desk.network.inference


def test_where_vision_finds_nothing_the_network_is_not_asked(desk: Desk) -> None:
    by = desk.reader()
    assert desk.read(by=by) == Reading()
    assert desk.network.batches == []


# --- the best explanation ---


def test_touching_digits_are_read_apart_where_that_explains_them_better(desk: Desk) -> None:
    row = Row().add(0, 2, {NONE: 0.7}).add(0, 1, {4: 0.97}, strokes=0).add(1, 2, {2: 0.97}, strokes=0)
    assert desk.read(row).text == "42"
    badly_whole = Row().add(0, 2, {8: 0.6}).add(0, 1, {4: 0.97}, strokes=0).add(1, 2, {2: 0.97}, strokes=0)
    assert desk.read(badly_whole).text == "42"


def test_and_a_wide_digit_is_read_whole_where_its_parts_are_worse(desk: Desk) -> None:
    row = Row().add(0, 2, {0: 0.95}).add(0, 1, {6: 0.7}, strokes=0).add(1, 2, {7: 0.7}, strokes=0)
    assert desk.read(row).text == "0"


def test_a_scribble_is_none_though_its_parts_might_be_something(desk: Desk) -> None:
    row = Row().add(0, 2, {NONE: 0.9}).add(0, 1, {6: 0.7}, strokes=0).add(1, 2, {7: 0.7}, strokes=0)
    assert desk.read(row) == Reading()


def test_three_digits_that_touch_are_read_where_two_cuts_are_right_and_others_are_not(desk: Desk) -> None:
    row = Row().add(0, 4, {NONE: 0.8})
    for first in range(4):
        row.add(first, first + 1, {NONE: 0.8, 1: 0.15}, strokes=0)
    row.add(0, 1, {1: 0.98}, strokes=0).add(1, 3, {0: 0.98}, strokes=0).add(3, 4, {1: 0.97}, strokes=0)
    row.add(0, 2, {6: 0.5}, strokes=0).add(2, 4, {3: 0.5}, strokes=0)
    assert desk.read(row).text == "101"


def test_a_bar_and_a_body_are_read_as_the_five_that_they_are_together(desk: Desk) -> None:
    row = Row().add(0, 1, {NONE: 0.6, 5: 0.3}).add(1, 2, {NONE: 0.9}).add(0, 2, {5: 0.98}, strokes=2)
    (read,) = desk.read(row).digits
    assert read.value == 5
    assert read.box == row.crops[-1].box


def test_two_good_digits_are_not_read_as_one_bad_one(desk: Desk) -> None:
    row = Row().add(0, 1, {7: 0.98}).add(1, 2, {3: 0.98}).add(0, 2, {4: 0.7}, strokes=2)
    assert desk.read(row).text == "73"


def test_a_part_that_nothing_explains_is_ignored(desk: Desk) -> None:
    """A stroke's serif, too small to be offered alone, with what is left of the stroke a good digit."""
    row = Row().add(0, 3, {NONE: 0.6}).add(0, 1, {7: 0.97}, strokes=0).add(2, 3, {2: 0.97}, strokes=0)
    assert desk.read(row).text == "72"


def test_no_part_is_read_twice(desk: Desk) -> None:
    row = Row().add(0, 1, {4: 0.99}).add(1, 2, {4: 0.99}).add(2, 3, {4: 0.99})
    row.add(0, 2, {4: 0.99}, strokes=2).add(1, 3, {4: 0.99}, strokes=2)
    boxes = [read.box for read in desk.read(row).digits]
    assert all(left[0] + left[2] <= right[0] for left, right in pairwise(boxes))


# --- what is none ---


def test_a_whole_stroke_that_is_none_is_not_read(desk: Desk) -> None:
    assert desk.read(Row().add(0, 1, {NONE: 0.6, 3: 0.4})) == Reading()
    assert desk.read(Row().add(0, 1, {NONE: 0.3, 3: 0.7})).text == "3"


def test_a_none_beside_digits_is_left_out(desk: Desk) -> None:
    row = Row().add(0, 1, {2: 0.99}).add(1, 2, {NONE: 0.98}).add(2, 3, {6: 0.99})
    assert desk.read(row).text == "26"


def test_a_digit_among_letters_is_a_letter(desk: Desk) -> None:
    row = Row()
    for place, says in enumerate(({NONE: 0.97}, {NONE: 0.95}, {5: 0.9}, {NONE: 0.96})):
        row.add(place, place + 1, says)
    assert desk.read(row) == Reading()


def test_a_frame_full_of_other_things_shows_no_number(desk: Desk) -> None:
    clutter = Row(250)
    for place in range(10):
        clutter.add(place, place + 1, {NONE: 0.97})
    number = Row(50).add(0, 1, {5: 0.95})
    assert desk.read(number).text == "5"
    assert desk.read(number, clutter) == Reading()


def test_small_dirt_beside_large_digits_is_not_read(desk: Desk) -> None:
    large, dirt = Row(50, 200).add(0, 1, {8: 0.99}), Row(300, 20).add(0, 1, {3: 0.99})
    assert desk.read(large, dirt).text == "8"
    assert desk.read(dirt).text == "3"


def test_a_bare_stroke_is_a_one_beside_a_digit_and_nothing_by_itself(desk: Desk) -> None:
    doubtful = {NONE: 0.7, 1: 0.29}
    assert desk.read(Row().add(0, 1, doubtful)) == Reading()
    assert desk.read(Row().add(0, 1, doubtful).add(1, 2, {8: 0.99})).text == "18"
    assert desk.read(Row().add(0, 1, doubtful).add(1, 2, {NONE: 0.99})) == Reading()


def test_a_lone_bare_stroke_is_a_one_only_where_nothing_else_lies_about(desk: Desk) -> None:
    one, other = Row(50).add(0, 1, {1: 0.9}), Row(250).add(0, 1, {NONE: 0.97})
    assert desk.read(one).text == "1"
    assert desk.read(one, other) == Reading()


# --- how sure ---


@pytest.mark.parametrize(("sure", "text"), [(0.7, ""), (0.9, "3")])
def test_what_is_less_sure_than_the_cards_threshold_is_not_read(sure: float, text: str, desk: Desk) -> None:
    row = Row().add(0, 1, {3: sure, 8: 0.99 - sure})
    assert desk.read(row, by=desk.reader(threshold=0.5)).text == "3"
    assert desk.read(row, by=desk.reader(threshold=0.8)).text == text


def test_a_threshold_of_ones_own_takes_the_place_of_the_cards(desk: Desk) -> None:
    row = Row().add(0, 1, {3: 0.7, 8: 0.29})
    assert desk.read(row, by=desk.reader(threshold=0.5, own=0.8)) == Reading()
    assert desk.read(row, by=desk.reader(threshold=0.8, own=0.5)).text == "3"
    assert desk.read(row, by=desk.reader(threshold=0.8, own=0.0)).text == "3"


def test_confidence_is_calibrated_by_the_cards_temperature(desk: Desk) -> None:
    row = Row().add(0, 1, {3: 0.9, 8: 0.0999})
    (plain,) = desk.read(row).digits
    (softer,) = desk.read(row, by=desk.reader(temperature=2.0)).digits
    probabilities = np.exp(plain.log_probabilities) ** 0.5
    assert softer.confidence == pytest.approx(probabilities[3] / probabilities.sum(), abs=0.01)
    assert softer.confidence < plain.confidence


def test_a_network_of_ten_classes_does_not_read_what_it_is_unsure_of(desk: Desk) -> None:
    by = desk.reader(OnlyDigits)
    assert desk.read(Row().add(0, 1, {3: 0.95}, classes=10), by=by).text == "3"
    assert desk.read(Row().add(0, 1, {3: 0.4, 8: 0.3}, classes=10), by=by) == Reading()
    touching = Row().add(0, 2, {8: 0.3}, classes=10)
    touching.add(0, 1, {4: 0.97}, strokes=0, classes=10).add(1, 2, {2: 0.97}, strokes=0, classes=10)
    assert desk.read(touching, by=by).text == "42"


# --- pen and chalk ---


def test_a_page_has_one_tone_the_one_in_which_more_is_read(desk: Desk) -> None:
    dark, light = Row(50).add(0, 1, {8: 0.99}).add(1, 2, {6: 0.99}), Row(50, 30, dark=False)
    light.add(0, 1, {0: 0.95})
    assert desk.read(dark, light).text == "86"
    light = Row(50, dark=False).add(0, 1, {3: 0.99})
    assert desk.read(Row(50, 20).add(0, 1, {8: 0.99}), light).text == "3"


# --- with real vision ---


@pytest.fixture(scope="module")
def by_print(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader of printed digits."""
    return Reader(save_weights(tmp_path_factory.mktemp("weights") / "digits.pt"))


@pytest.mark.parametrize("text", ["", "7", "42", "305", "9"])
def test_a_number_on_paper_is_read_and_one_in_chalk_too(text: str, by_print: Reader) -> None:
    frame = printed(text, scale=5.0, thickness=11)
    assert by_print.read(Frame(frame, 0, 0)).text == text
    assert by_print.read(Frame(255 - frame, 0, 0)).text == text


def test_boxes_are_where_the_digits_are_and_the_frame_is_left_alone(by_print: Reader) -> None:
    frame = printed("42", scale=5.0)
    before = frame.copy()
    four, two = by_print.read(Frame(frame, 0, 0)).digits
    assert np.array_equal(frame, before)
    ink = cv2.connectedComponentsWithStats((frame < 130).astype(np.uint8))[2][1:, :4]
    left, right = sorted(ink.tolist())
    assert overlap(four.box, left) > 0.9 and overlap(two.box, right) > 0.9


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**32 - 1), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_no_pixels_make_it_raise(by_print: Reader, height: int, width: int, seed: int, coarse: int) -> None:
    pixels = np.random.default_rng(seed).integers(
        0, 256, (-(-height // coarse), -(-width // coarse)), np.uint8
    )
    frame = np.kron(pixels, np.ones((coarse, coarse), np.uint8))[:height, :width]
    for one in by_print.read(Frame(frame, 0, 0)).digits:
        assert 0 <= one.value <= 9 and by_print.card.calibration.threshold <= one.confidence <= 1
        x, y, w, h = one.box
        assert 0 <= x < x + w <= width and 0 <= y < y + h <= height


@pytest.mark.parametrize("missing", ["digits.pt", "digits.json"])
def test_weights_that_are_not_whole_are_refused_at_once(missing: str, tmp_path: Path) -> None:
    weights = save_weights(tmp_path / "digits.pt")
    (tmp_path / missing).unlink()
    with pytest.raises(WeightsError, match=missing):
        Reader(weights)


# --- with the weights that ship ---


@pytest.fixture(scope="module")
def by_ours() -> Reader:
    return Reader(shipped.models() / "digits.pt")


def test_ours_reads_digits_as_people_write_them(by_ours: Reader) -> None:
    """Nearly all of the ways to write a digit, among them flags, feet, crossbars and open fours."""
    wrong, ways = [], [(value, way) for value, all_ways in DIGITS.items() for way in range(len(all_ways))]
    for value, way in ways:
        paper = blank()
        write(paper, digit(value, 130, 11, way, seed=way), 250, 150)
        text = by_ours.read(Frame(gray(paper, noise=2), 0, 0)).text
        if text != str(value):
            wrong.append((value, way, text))
    assert len(wrong) <= 0.15 * len(ways), wrong


@pytest.mark.parametrize("chalk", [False, True])
def test_ours_reads_a_number_in_pen_and_in_chalk(chalk: bool, by_ours: Reader) -> None:
    paper = blank(tone=200)
    for place, value in enumerate((4, 2, 0)):
        write(paper, digit(value, 120, 11), 120 + 140 * place, 170, tone=50)
    frame = 255 - gray(paper, noise=2) if chalk else gray(paper, noise=2)
    assert by_ours.read(Frame(frame, 0, 0)).text == "420"


def test_ours_reads_no_letters(by_ours: Reader) -> None:
    paper = blank()
    for place, name in enumerate(("A", "E", "R", "K", "H")):
        write(paper, mark(name, 100, 9), 30 + 120 * place, 180)
    assert by_ours.read(Frame(gray(paper, noise=2), 0, 0)) == Reading()


def test_ours_reads_nothing_where_there_is_nothing(by_ours: Reader) -> None:
    read = []
    for family in CLUTTER:
        for seed in range(2):
            scene = render_clutter(family, Look(), np.random.default_rng([77, seed]))
            if text := by_ours.read(Frame(scene.gray, 0, 0)).text:
                read.append((family, seed, text))
    assert len(read) <= 0.1 * 2 * len(CLUTTER), read


def test_ours_reads_every_frame_that_ships(by_ours: Reader) -> None:
    lines = (shipped.frames() / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]
    wrong = []
    for name, text, _ in (line.split(",") for line in lines):
        frame = cv2.imread(str(shipped.frames() / name), cv2.IMREAD_GRAYSCALE)
        read = by_ours.read(Frame(frame, 0, 0)).text
        if read != text:
            wrong.append((name, read))
    assert lines and wrong == []
