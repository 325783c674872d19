"""Conditions: every scene holds what its name says, with all of its digits in view."""

import cv2
import numpy as np
import pytest
import small_mnist

from benchmarks.conditions import CONDITIONS, Condition
from benchmarks.pool import Job
from training.clutter import CLUTTER
from training.scenes import Hand, Scene


@pytest.fixture(scope="module")
def hand() -> Hand:
    digits = small_mnist.printed(100, 3)
    return Hand(digits.images, digits.labels, own=1)


def made(name: str, hand: Hand, case: int = 0) -> Scene:
    condition = next(one for one in CONDITIONS if one.name == name)
    return condition.make(hand, Job(name, case, 1).rng)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_digit_is_in_view(condition: Condition, hand: Hand) -> None:
    one = made(condition.name, hand)
    assert one.gray.dtype == np.uint8 and one.gray.shape == one.owners.shape
    assert one.text.isdigit()
    assert set(np.unique(one.owners)) - {-1} == set(range(len(one.text)))


def test_names_are_not_given_twice() -> None:
    names = [condition.name for condition in CONDITIONS] + list(CLUTTER)
    assert len(set(names)) == len(names)


def test_a_scene_is_the_same_whenever_it_is_made_and_unlike_the_next(hand: Hand) -> None:
    first, again, other = (made("4 open", hand, case).gray for case in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


@pytest.mark.parametrize("case", range(3))
def test_touching_digits_touch(hand: Hand, case: int) -> None:
    pair = made("touching pairs", hand, case)
    left, right = ((pair.owners == index).astype(np.uint8) for index in (0, 1))
    assert (cv2.dilate(left, np.ones((3, 3), np.uint8)) & right).any()


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("name", ["in a circle", "in a box"])
def test_a_line_runs_all_around_the_digits(hand: Hand, name: str, case: int) -> None:
    one = made(name, hand, case)
    paper = (one.gray > 0.75 * np.median(one.gray)).astype(np.uint8)
    cv2.floodFill(paper, None, (0, 0), 2)
    beyond = cv2.dilate((paper == 2).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (paper == 2).mean() > 0.5
    assert not beyond[one.owners >= 0].any()


@pytest.mark.parametrize("case", range(3))
def test_a_sign_is_as_dark_as_the_digits_and_beside_them(hand: Hand, case: int) -> None:
    one = made("beside a sign", hand, case)
    ink = (one.gray < 0.6 * np.median(one.gray)).astype(np.uint8)
    columns = np.flatnonzero((one.owners >= 0).any(axis=0))
    sign = ink & (cv2.dilate((one.owners >= 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    inked = np.flatnonzero(sign.any(axis=0))
    assert inked.size and (inked.min() < columns.min() or inked.max() > columns.max())


@pytest.mark.parametrize("case", range(3))
def test_digits_at_the_edge_touch_it(hand: Hand, case: int) -> None:
    owners = made("at the frame's edge", hand, case).owners
    assert max(edge.max() for edge in (owners[0], owners[-1], owners[:, 0], owners[:, -1])) >= 0


@pytest.mark.parametrize("case", range(3))
def test_a_number_nearly_fills_a_small_close_up(hand: Hand, case: int) -> None:
    owners = made("small close-up", hand, case).owners
    _, _, width, height = cv2.boundingRect((owners >= 0).astype(np.uint8))
    assert height > owners.shape[0] / 3 and 27 <= height <= 100
    assert width + 1.7 * height > owners.shape[1]


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("name", ["hard shadow across a digit", "shadow of a hand", "shadow of a phone"])
def test_the_shadow_falls_on_a_digit(hand: Hand, name: str, case: int) -> None:
    one = made(name, hand, case)
    contrasts = []
    for index in range(len(one.text)):
        x, y, width, height = cv2.boundingRect((one.owners == index).astype(np.uint8))
        place = np.s_[y : y + height, x : x + width]
        paper = one.gray[place][one.owners[place] < 0]
        contrasts.append(np.percentile(paper, 97) / np.percentile(paper, 20))
    assert max(contrasts) > 1.2


@pytest.mark.parametrize("case", range(3))
def test_there_is_much_beside_a_sheet_that_is_held(hand: Hand, case: int) -> None:
    gray = made("sheet held before much else", hand, case).gray
    assert np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]]).std() > 8


@pytest.mark.parametrize(("name", "sign"), [("slant -30 deg", -1), ("slant +30 deg", 1)])
def test_slanted_digits_lean(hand: Hand, name: str, sign: int) -> None:
    leans = []
    for case in range(3):
        one = made(name, hand, case)
        for index in range(len(one.text)):
            rows, columns = np.nonzero(one.owners == index)
            upper = rows < rows.mean()
            leans.append(columns[upper].mean() - columns[~upper].mean())
    assert sign * np.mean(leans) > 10
