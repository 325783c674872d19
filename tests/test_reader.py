"""The reader: a tone's crops judged in one batch, their confidence calibrated, and the digits read.

A stand-in network answers what its crops say: pixel `v` of a crop's first row is how likely class `v` is.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn import draw as printed
from drawn import save_weights
from handwritten import blank, digit, gray, mark, overlap, sheet_before_letters, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from appliance import network, reader, shipped
from appliance.card import CLASSES, MEAN, STD, Calibration, Card
from appliance.engine import Torch
from appliance.errors import WeightsError
from appliance.frame import Frame
from appliance.labels import read_labels
from appliance.network import NETWORKS
from appliance.reader import Digit, Reader, Reading
from appliance.reading.words import _TRUSTED
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


def crop(first: int, past: int, says: dict[int, float], strokes: int = 1, classes: int = 11) -> Crop:
    """One of a row whose parts are 60 pixels wide."""
    box = (60 * first + 10, 100, 60 * (past - first) - 10, 100)
    ink = np.zeros(box[:1:-1], np.uint8)
    made = Crop(box, 0, first, past, strokes, True, 100.0, 0.0, ink)
    vars(made)["image"] = answers(says, classes)  # as if it had been drawn
    return made


class Desk:
    """A reader with a stand-in network, before which made-up crops are laid."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weights = folder / "digits.pt"
        self._monkeypatch = monkeypatch
        self.network: StandIn

    def reader(self, kind: type[StandIn] = StandIn, own: float | None = None, **calibration: float) -> Reader:
        """One whose card has this calibration, and that is given a threshold of its `own`."""
        self._monkeypatch.setitem(NETWORKS, "stand-in", kind)
        self._monkeypatch.setitem(CLASSES, "stand-in", kind.classes)
        known = Calibration(**{"temperature": 1.0, "threshold": 0.5, **calibration})
        network.save(kind(), self.weights, Card("stand-in", kind.classes, "", calibration=known))
        made = Reader(self.weights, own)
        assert isinstance(made._engine, Torch)
        assert isinstance(made._engine.network, StandIn)
        self.network = made._engine.network
        return made

    def read(self, *crops: Crop, by: Reader | None = None) -> Reading:
        by = by or self.reader()
        self._monkeypatch.setattr(reader, "find_crops", lambda gray: list(crops))
        return by.read(Frame(NOWHERE, 0, 0))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


# --- a digit, and a reading ---


def test_a_digit_is_read_with_all_that_is_known_of_it(desk: Desk) -> None:
    seven = crop(0, 1, {7: 0.9, 1: 0.06})
    (read,) = desk.read(seven).digits
    assert read.value == 7
    assert read.confidence == pytest.approx(0.9, abs=0.02)
    assert read.box == seven.box
    assert np.array_equal(read.crop, seven.image)
    assert read.probabilities.shape == (10,) and read.probabilities.dtype == np.float32
    assert read.probabilities[[7, 1]] == pytest.approx([0.9, 0.06], abs=0.02)
    assert (read.probabilities >= 0).all() and read.probabilities.sum() <= 1.00001


def test_a_readings_text_is_its_digits_in_order() -> None:
    def one(value: int) -> Digit:
        return Digit(value, 0.9, (0, 0, 1, 1), np.zeros(10, np.float32), NOWHERE[:28, :28])

    assert Reading((one(4), one(0), one(2))).text == "402"
    assert Reading().text == ""
    assert Reading((one(4),)) == Reading((one(4),)) != Reading((one(5),))


def test_all_crops_of_a_tone_are_judged_in_one_batch(desk: Desk) -> None:
    by = desk.reader()
    places = range(7)
    assert desk.read(*(crop(at, at + 1, {at: 0.99}) for at in places), by=by).text == "0123456"
    assert desk.network.batches == [7]
    assert desk.network.inference


def test_where_vision_finds_nothing_the_network_is_not_asked(desk: Desk) -> None:
    by = desk.reader()
    assert desk.read(by=by) == Reading()
    assert desk.network.batches == []


# --- how sure ---


@pytest.mark.parametrize(("sure", "text"), [(0.7, ""), (0.9, "3")])
def test_what_is_less_sure_than_the_cards_threshold_is_not_read(sure: float, text: str, desk: Desk) -> None:
    three = crop(0, 1, {3: sure, 8: 0.99 - sure})
    assert desk.read(three, by=desk.reader(threshold=0.5)).text == "3"
    assert desk.read(three, by=desk.reader(threshold=0.8)).text == text


def test_a_threshold_of_ones_own_takes_the_place_of_the_cards(desk: Desk) -> None:
    three = crop(0, 1, {3: 0.7, 8: 0.29})
    assert desk.read(three, by=desk.reader(threshold=0.5, own=0.8)) == Reading()
    assert desk.read(three, by=desk.reader(threshold=0.8, own=0.5)).text == "3"
    assert desk.read(three, by=desk.reader(threshold=0.8, own=0.0)).text == "3"


def test_confidence_is_calibrated_by_the_cards_temperature(desk: Desk) -> None:
    three = crop(0, 1, {3: 0.9, 8: 0.0999})
    (plain,) = desk.read(three).digits
    (softer,) = desk.read(three, by=desk.reader(temperature=2.0)).digits
    probabilities = plain.probabilities**0.5
    assert softer.confidence == pytest.approx(probabilities[3] / probabilities.sum(), abs=0.01)
    assert softer.confidence < plain.confidence


def test_a_network_of_ten_classes_does_not_read_what_it_is_unsure_of(desk: Desk) -> None:
    by = desk.reader(OnlyDigits)
    assert desk.read(crop(0, 1, {3: 0.95}, classes=10), by=by).text == "3"
    assert desk.read(crop(0, 1, {3: 0.4, 8: 0.3}, classes=10), by=by) == Reading()
    whole = crop(0, 2, {8: 0.3}, classes=10)
    parts = (crop(at, at + 1, {value: 0.97}, 0, classes=10) for at, value in ((0, 4), (1, 2)))
    assert desk.read(whole, *parts, by=by).text == "42"


def test_what_is_none_is_not_read(desk: Desk) -> None:
    assert desk.read(crop(0, 1, {NONE: 0.9})) == Reading()
    assert desk.read(crop(0, 1, {NONE: 0.9}), crop(2, 3, {5: 0.97})).text == "5"


def test_a_crop_by_itself_is_none_where_that_is_likeliest_however_low_the_threshold(desk: Desk) -> None:
    by = desk.reader(own=0.2)
    # Of what a camera sees half as much is none as of what networks learn from.
    assert by.read_crop(answers({NONE: 0.7, 5: 0.29})) is None
    assert by.read_crop(answers({NONE: 0.4, 5: 0.59})) == 5
    assert desk.reader(own=0.9).read_crop(answers({NONE: 0.4, 5: 0.59})) is None


def test_among_much_else_what_is_on_sheets_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    on, beside = crop(0, 1, {4: 0.9999}), crop(1, 2, {2: 0.9999})
    much_else = [crop(at, at + 1, {NONE: 0.99}) for at in range(10, 30, 2)]
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [on])
    assert desk.read(on, beside).text == "42"
    assert desk.read(on, beside, *much_else).text == "4"
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [])
    assert desk.read(on, beside, *much_else).text == "42"


@pytest.mark.parametrize(
    ("confidence", "others", "text"), [(0.9999, 5, "4"), (0.95, 5, "42"), (0.95, 2, "4")]
)
def test_where_little_speaks_for_a_number_among_a_few_other_things_what_is_on_sheets_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, confidence: float, others: int, text: str
) -> None:
    on, beside = crop(0, 1, {4: 0.9999}), crop(1, 2, {2: 0.9999})
    specks = [crop(at, at + 1, {NONE: 0.99}) for at in range(10, 10 + 2 * others, 2)]
    for speck in specks:
        object.__setattr__(speck, "box", (*speck.box[:2], 20, 20))
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [on, beside])
    assert desk.read(crop(0, 1, {4: confidence}), *specks).text == text


def test_where_a_sheet_shows_less_of_a_number_than_the_frame_does_the_frame_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edge of a shadow may have been taken for the sheet's."""
    four, two, one = crop(0, 1, {4: 0.9999}), crop(1, 2, {2: 0.9999}), crop(2, 3, {1: 0.9999})
    dirt = [crop(at, at + 1, {NONE: 0.99}) for at in range(10, 26, 2)]
    for speck in dirt:
        object.__setattr__(speck, "box", (*speck.box[:2], 20, 20))
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [four])
    assert desk.read(four, two, *dirt).text == "42"
    assert desk.read(four, one, *dirt).text == "4", "a bare stroke may be the sheet's edge"


def test_where_the_frame_shows_nothing_a_pale_or_small_digit_on_a_sheet_has_to_be_sure(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(confidence: float, *others: Crop, peak: float = 100.0, height: int = 100) -> str:
        four = crop(0, 1, {4: confidence})
        object.__setattr__(four, "peak", peak)
        object.__setattr__(four, "box", (*four.box[:3], height))
        monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [four, *others])
        return desk.read().text

    assert [read(0.96), read(0.96, peak=200.0), read(0.96, peak=200.0, height=40)] == ["", "4", ""]
    assert read(0.99) == read(0.99, height=40) == "4"
    assert read(0.96, crop(1, 2, {2: 0.999})) == "42", "another speaks for it"


@pytest.mark.parametrize(
    ("height", "row", "text"),
    [(100, 1, "42"), (85, 1, "42"), (70, 1, "4"), (100, 0, "4")],
    ids=["as tall", "hardly lower", "lower", "among as much in the same row"],
)
def test_where_a_row_goes_on_beside_a_sheet_it_was_a_shadow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, height: int, row: int, text: str
) -> None:
    """However much else there is elsewhere: but no more of a line of other things is read for that."""
    on, beside = crop(0, 1, {4: 0.9999}), crop(1, 2, {2: 0.98})
    object.__setattr__(beside, "box", (*beside.box[:3], height))
    much_else = [crop(at, at + 1, {NONE: 0.99}) for at in range(10, 30, 2)]
    for other in much_else:
        object.__setattr__(other, "row", row)
        object.__setattr__(other, "box", (other.box[0], 100 + 200 * row, *other.box[2:]))
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [on])
    assert desk.read(on, beside, *much_else).text == text


def test_what_was_not_judged_for_lack_of_time_is_something_else_and_shown_to_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare stroke beside it is not all that there is on a sheet."""
    one, other = crop(0, 1, {1: 0.97}), crop(4, 5, {1: 0.97})
    object.__setattr__(one, "peak", 200.0)
    object.__setattr__(other, "left_out", True)
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [one])
    assert desk.read().text == "1"
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: [one, other])
    assert desk.read().text == ""
    assert not desk.read(other).passed_over()


@pytest.mark.parametrize(
    ("sure", "peak", "height", "letter", "text"),
    [
        (0.95, 200.0, 100, None, "1"),
        (0.85, 200.0, 100, None, ""),
        (0.95, 100.0, 100, None, ""),
        (0.95, 200.0, 40, None, ""),
        (0.95, 200.0, 100, 50, ""),
    ],
)
def test_a_bare_stroke_that_is_all_there_is_on_a_sheet_is_a_one(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    sure: float,
    peak: float,
    height: int,
    letter: int | None,
    text: str,
) -> None:
    """If it is sure, dark and not small: too much in a room is as straight."""

    def on_sheet(says: dict[int, float], at: int, height: int, peak: float) -> Crop:
        made = crop(at, at + 1, says)
        object.__setattr__(made, "box", (*made.box[:3], height))
        object.__setattr__(made, "peak", peak)
        return made

    there = [on_sheet({1: sure}, 0, height, peak)]
    if letter:
        there.append(on_sheet({NONE: 0.99}, 4, letter, peak))
    monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray: there)
    assert desk.read().text == text


def test_where_a_sheet_shows_more_of_a_number_than_the_frame_does_the_sheet_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However unsure what is more: but many bare strokes are something else on it."""
    four, two, one = crop(0, 1, {4: 0.9999}), crop(1, 2, {2: 0.7, 3: 0.29}), crop(2, 3, {1: 0.9})
    letters = [crop(at, at + 1, {NONE: 0.99}) for at in range(10, 26, 2)]
    for letter in letters:
        object.__setattr__(letter, "box", (*letter.box[:2], 20, 20))
    for there, text in (([four, two], "42"), ([four, two, one], "421"), ([four, one], "4"), ([two], "4")):
        monkeypatch.setattr(reader, "find_crops_on_sheets", lambda gray, there=there: there)
        assert desk.read(four, *letters).text == text


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
    least = _TRUSTED * by_print.card.calibration.threshold  # in a row of nothing but digits
    for one in by_print.read(Frame(frame, 0, 0)).digits:
        assert 0 <= one.value <= 9 and least <= one.confidence <= 1
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
    assert wrong == []
    assert len(lines) >= 60


@pytest.mark.parametrize("scale", [1.25, 2, 3])
def test_a_larger_picture_of_a_board_reads_the_same(by_ours: Reader, scale: float) -> None:
    boards = {name: text for name, text in read_labels(shipped.frames()).items() if "board" in name}
    for name, text in boards.items():
        frame = cv2.imread(str(shipped.frames() / name), cv2.IMREAD_GRAYSCALE)
        large = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        assert by_ours.read(Frame(large, 0, 0)).text == text, name
    assert len(boards) >= 4


@pytest.mark.parametrize(("values", "text"), [([7], "7"), ([4, 2], "42"), ([1, 1], "")])
def test_a_number_held_before_a_wall_of_things_is_read_but_ones_alone_are_not(
    by_ours: Reader, values: list[int], text: str
) -> None:
    wall = sheet_before_letters()
    for place, value in enumerate(values):
        write(wall, digit(value, 100, 10), 230 + 110 * place, 190)
    assert by_ours.read(Frame(gray(wall, noise=2), 0, 0)).text == text


@pytest.mark.parametrize("held", [True, False])
def test_a_one_beside_the_sheet_that_a_number_is_on_is_an_edge(by_ours: Reader, held: bool) -> None:
    wall = blank(tone=120)
    for place in range(64):
        write(wall, mark("AEKMRW"[place % 6], 28, 4), 15 + 78 * (place % 8), 12 + 58 * (place // 8))
    wall[90:390, 150:490] = 225
    if not held:
        wall[:] = 225
    for value, x in ((4, 210), (2, 340), (1, 560)):
        wall[180:320, x - 10 : x + 80] = wall[200, 200]
        write(wall, digit(value, 110, 10), x, 190)
    reading = by_ours.read(Frame(gray(wall, noise=2), 0, 0))
    assert reading.text == ("42" if held else "421")
