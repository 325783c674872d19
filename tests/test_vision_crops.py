"""Crops are made as MNIST was: 20 pixels in 28, by the centre of mass, white on black."""

import cv2
import numpy as np
import pytest
from handwritten import digit
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from appliance.vision.crops import Crop, as_mnist, drawn
from appliance.vision.stroke import Stroke, around


def inked(value: int, height: float, thickness: float, way: int = 0, seed: int = 0) -> np.ndarray:
    """A digit's ink `uint8`, cut to its bounds."""
    ink = (255 * digit(value, height, thickness, way, seed)).astype(np.uint8)
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def crop(strokes: list[Stroke]) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """The box around strokes, and their picture as the network sees it."""
    box, ink = drawn(strokes)
    return box, as_mnist(ink)


def extent(image: np.ndarray) -> tuple[int, int, int, int]:
    """The bounds of what is not black: left, top, width, height."""
    rows, columns = np.flatnonzero(image.max(axis=1)), np.flatnonzero(image.max(axis=0))
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def centre(image: np.ndarray) -> tuple[float, float]:
    weights = image / image.sum()
    return float((weights.sum(axis=0) * np.arange(28)).sum()), float(
        (weights.sum(axis=1) * np.arange(28)).sum()
    )


def is_as_mnist(image: np.ndarray) -> None:
    assert image.shape == (28, 28) and image.dtype == np.uint8
    left, top, width, height = extent(image)
    assert max(width, height) == 20
    for place, start, length in zip(centre(image), (left, top), (width, height), strict=True):
        at_border = start == 0 or start + length == 28
        assert at_border or abs(place - 14) <= 0.5


@pytest.mark.parametrize("value", range(10))
@pytest.mark.parametrize(("height", "thickness"), [(14, 2), (40, 3), (120, 12), (300, 60), (900, 40)])
def test_a_digit_of_any_size_is_fitted_as_mnist_was(value: int, height: float, thickness: float) -> None:
    ink = inked(value, height, thickness)
    image = as_mnist(ink)
    is_as_mnist(image)
    width, high = extent(image)[2:]
    assert width / high == pytest.approx(ink.shape[1] / ink.shape[0], abs=0.06), "the aspect is kept"
    assert image.max() == 255, "a pen thinner than a pixel is white all the same"


@given(
    value=st.integers(0, 9),
    height=st.floats(20, 400),
    stroke=st.floats(0.03, 0.25),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=40, deadline=None)
def test_every_digit_that_is_drawn_is_fitted_as_mnist_was(
    value: int, height: float, stroke: float, seed: int
) -> None:
    is_as_mnist(as_mnist(inked(value, height, max(1.5, stroke * height), seed=seed)))


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))), st.sampled_from([0, -0.7, 0.2, 0.7])
)
@settings(max_examples=100, deadline=None)
def test_no_ink_is_too_odd(ink: np.ndarray, slope: float) -> None:
    image = as_mnist(ink, slope)
    assert image.shape == (28, 28) and image.dtype == np.uint8
    assert image.any() or ink.max() < 255


@pytest.mark.parametrize("slope", [0, 0.3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1)])
def test_lines_and_dots_fit_as_well(shape: tuple[int, int], slope: float) -> None:
    image = as_mnist(np.full(shape, 255, np.uint8), slope)
    assert max(extent(image)[2:]) == 20
    assert image.max() == 255


def test_no_ink_at_all_is_black() -> None:
    assert not as_mnist(np.zeros((30, 20), np.uint8)).any()


def test_a_bigger_picture_of_the_same_digit_gives_nearly_the_same_crop() -> None:
    small, large = as_mnist(inked(3, 60, 6)), as_mnist(inked(3, 240, 24))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.95


def test_edges_are_smooth() -> None:
    image = as_mnist(inked(0, 200, 30))
    assert ((image > 20) & (image < 235)).sum() > 20


def rectangle(x: int, y: int, width: int, height: int, strength: int = 255) -> Stroke:
    return Stroke((x, y, width, height), np.full((height, width), strength, np.uint8), 200)


def test_the_box_around_strokes_holds_them_all_and_no_more() -> None:
    assert around([rectangle(10, 20, 30, 40)]) == (10, 20, 30, 40)
    assert around([rectangle(10, 20, 30, 40), rectangle(50, 5, 7, 8)]) == (10, 5, 47, 55)


def test_strokes_are_drawn_together_where_they_stand() -> None:
    bar, stem = rectangle(100, 100, 60, 10), rectangle(100, 140, 10, 60)
    box, image = crop([bar, stem])
    assert box == (100, 100, 60, 100)
    is_as_mnist(image)
    whole = np.zeros((100, 60), np.uint8)
    whole[:10], whole[40:, :10] = 255, 255
    assert np.array_equal(image, as_mnist(whole))
    assert np.array_equal(crop([stem, bar])[1], image)


def test_where_strokes_overlap_the_stronger_ink_stays() -> None:
    strong, faint = rectangle(0, 0, 20, 40), rectangle(10, 0, 20, 40, strength=60)
    for strokes in ([strong, faint], [faint, strong]):
        _, image = crop(strokes)
        assert image[:, extent(image)[0] : extent(image)[0] + 9].max() == 255
        columns = image[14][image[14] > 0]
        assert (columns[:9] == 255).all()


def test_a_single_stroke_keeps_its_own_ink() -> None:
    ink = inked(7, 80, 8)
    before = ink.copy()
    box, image = crop([Stroke((5, 6, ink.shape[1], ink.shape[0]), ink, 200)])
    assert box == (5, 6, ink.shape[1], ink.shape[0])
    assert np.array_equal(image, as_mnist(ink))
    assert np.array_equal(ink, before)


def turned(ink: np.ndarray, degrees: float) -> np.ndarray:
    """Ink as it looks on paper that is turned clockwise, cut to its bounds."""
    side = 2 * max(ink.shape)
    turn = cv2.getRotationMatrix2D((ink.shape[1] / 2, ink.shape[0] / 2), -degrees, 1)
    turn[:, 2] += (side - np.array(ink.shape[::-1])) / 2
    canvas = cv2.warpAffine(ink, turn, (side, side))
    x, y, width, height = cv2.boundingRect(canvas)
    return canvas[y : y + height, x : x + width]


@pytest.mark.parametrize("degrees", [-30, -10, 10, 30])
@pytest.mark.parametrize("value", [1, 4, 7])
def test_a_digit_of_a_row_that_falls_or_rises_is_turned_upright(value: int, degrees: float) -> None:
    ink = inked(value, 120, 12)
    leaning = turned(ink, degrees)
    upright, as_seen, wanted = (
        as_mnist(leaning, np.tan(np.deg2rad(degrees))).astype(float),
        as_mnist(leaning).astype(float),
        as_mnist(ink).astype(float),
    )
    is_as_mnist(upright.astype(np.uint8))
    assert np.abs(upright - wanted).mean() < 0.4 * np.abs(as_seen - wanted).mean()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_crops_ink_is_found_in_what_it_shares_with_a_box(scale: int) -> None:
    ink = np.arange(60 * 40 * scale**2, dtype=np.int64).reshape(60 * scale, 40 * scale).astype(np.uint8)
    made = Crop((100, 50, 40, 60), 0, 0, 1, 1, True, 100.0, 0.0, ink)
    within, beyond = made.ink_in((110, 70, 20, 30)), made.ink_in((95, 45, 25, 15))
    assert np.array_equal(within, ink[20 * scale : 50 * scale, 10 * scale : 30 * scale])
    assert np.array_equal(beyond, ink[: 10 * scale, : 20 * scale])
    assert not made.ink_in((0, 0, 20, 20)).size
    assert not made.is_inked_in((0, 0, 20, 20))


def test_a_figure_has_no_ink_in_what_it_is_only_drawn_around() -> None:
    ink = np.full((60, 40), 255, np.uint8)
    ink[10:50, 10:30] = 0
    made = Crop((100, 50, 40, 60), 0, 0, 1, 1, True, 100.0, 0.0, ink)
    assert not made.is_inked_in((110, 60, 20, 40))
    assert made.is_inked_in((104, 60, 20, 40))
