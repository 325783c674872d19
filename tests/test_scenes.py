"""Scenes: every digit is in the frame and remembered pixel by pixel, so that crops are judged rightly."""

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.network import NOT_A_DIGIT
from appliance.vision import find_crops, take_apart
from appliance.vision.crops import as_mnist
from training import scenes
from training.clutter import CLUTTER
from training.paper import LIGHTS, PAPERS
from training.pens import DIGITS, draw, trace
from training.scenes import (
    FRAME,
    Hand,
    Look,
    Scene,
    _shown_look,
    judge,
    make_crops,
    meeting,
    random_look,
    render,
    render_clutter,
)
from training.tracing import thinned, trace_image


def handwritten() -> tuple[np.ndarray, np.ndarray]:
    """Digits as MNIST has them, three of each: images and labels."""
    labels = np.repeat(np.arange(10), 3)
    drawn = [
        draw(trace(DIGITS[value][way], np.random.default_rng(way)), 100, 11)
        for value in range(10)
        for way in range(3)
    ]
    return np.stack([as_mnist(_cut((255 * ink).astype(np.uint8))) for ink in drawn]), labels


def _cut(image: np.ndarray) -> np.ndarray:
    x, y, width, height = cv2.boundingRect((image > 0).astype(np.uint8))
    return image[y : y + height, x : x + width]


IMAGES, LABELS = handwritten()
CLEAN = Look(noise=0, quality=100, exposure=1.0, focus=0, light="even")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def hand(own: float = 0.4) -> Hand:
    return Hand(IMAGES, LABELS, own)


def scene(texts: list[str], look: Look = CLEAN, seed: int = 0, marks: int = 0) -> Scene:
    return render(texts, look, hand(), rng(seed), marks)


# --- the hand ---


@pytest.mark.parametrize("own", [0.0, 1.0])
@pytest.mark.parametrize(("height", "thickness"), [(30, 3), (100, 8), (300, 45)])
def test_a_digit_is_written_as_high_and_as_thick_as_asked(own: float, height: int, thickness: int) -> None:
    for value in range(10):
        ink = hand(own).write(value, height, thickness, rng(value))
        assert ink.dtype == np.float32 and ink.min() >= 0 and ink.max() <= 1
        rows = np.flatnonzero(ink.max(axis=1) > 0.5)
        assert np.ptp(rows) + 1 == pytest.approx(height, rel=0.06, abs=3)
        widths = cv2.distanceTransform((ink > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
        middle = thinned((ink > 0.5).astype(np.uint8)) > 0
        assert 2 * float(np.median(widths[middle])) - 1 == pytest.approx(thickness, rel=0.2, abs=1.2)


def test_mnists_digits_keep_their_shape_whatever_the_pen() -> None:
    followed = [at for at, image in enumerate(IMAGES) if trace_image(image) is not None]
    assert len(followed) > 0.8 * len(IMAGES)
    for image, value in zip(IMAGES[followed], LABELS[followed], strict=True):
        one = Hand(image[None], np.array([value]), own=1)
        ink = one.write(int(value), 140, 14, rng())
        again = as_mnist((255 * ink).astype(np.uint8))
        assert np.corrcoef(again.ravel(), as_mnist(_cut(image)).ravel())[0, 1] > 0.55


def test_a_digit_of_which_there_are_no_images_is_drawn() -> None:
    only_threes = Hand(IMAGES[LABELS == 3], LABELS[LABELS == 3], own=1)
    assert only_threes.write(8, 100, 8, rng()).shape[0] == pytest.approx(100, abs=6)


def test_only_digits_of_the_value_asked_for_are_written() -> None:
    """Of the image labelled 3 here, which is a bar, and of no other."""
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    images = np.stack([bar, IMAGES[LABELS == 0][0]])
    written = Hand(images, np.array([3, 0]), own=1)
    for seed in range(5):
        three, zero = written.write(3, 100, 8, rng(seed)), written.write(0, 100, 8, rng(seed))
        assert three.shape[1] < 30 < zero.shape[1]


# --- looks ---


def test_looks_differ_and_follow_their_seed() -> None:
    assert random_look(rng(1)) == random_look(rng(1)) != random_look(rng(2))


def test_what_is_fixed_of_a_look_is_kept() -> None:
    look = random_look(rng(), paper="squared", height=77.0)
    assert (look.paper, look.height) == ("squared", 77.0)


def test_looks_reach_all_papers_lights_and_sizes() -> None:
    looks = [random_look(rng(seed)) for seed in range(300)]
    assert {look.paper for look in looks} == set(PAPERS)
    assert {look.light for look in looks} == set(LIGHTS)
    heights = [look.height for look in looks]
    assert min(heights) < 25 and max(heights) > 220
    assert any(look.motion > 0 for look in looks) and any(look.quality < 100 for look in looks)


# --- rendering ---


@pytest.mark.parametrize("paper", ["plain", "board"])
def test_where_a_dry_pen_leaves_paper_bare_nothing_is_a_digits(paper: str) -> None:
    look = replace(CLEAN, paper=paper, stroke=0.2, height=150)
    full, dry = (scene(["3"], replace(look, bare=bare)) for bare in (0.0, 0.4))
    owned = full.owners >= 0
    assert (dry.owners[~owned] == full.owners[~owned]).all()
    assert 0.45 < (dry.owners >= 0).sum() / owned.sum() < 0.75
    paper_tone = np.median(full.gray)
    left_bare = owned & (dry.owners < 0)
    away = np.abs(dry.gray[left_bare].astype(int) - paper_tone).mean()
    assert away < 0.4 * np.abs(full.gray[owned].astype(int) - paper_tone).mean()


def test_uneven_ink_is_paler_in_places_and_still_its_digits() -> None:
    look = replace(CLEAN, stroke=0.2, height=150)
    even, uneven = (scene(["8"], replace(look, uneven=share)) for share in (0.0, 0.7))
    assert np.array_equal(even.owners, uneven.owners)
    middle = cv2.erode((even.owners >= 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.ptp(even.gray[middle]) < 20 < 60 < np.ptp(uneven.gray[middle])


def test_what_training_shows_is_written_with_all_kinds_of_pens() -> None:
    looks = [_shown_look(rng(seed)) for seed in range(300)]
    for share in ([look.bare > 0 for look in looks], [look.uneven > 0 for look in looks]):
        assert 0.05 < np.mean(share) < 0.3
    assert np.mean([look.touching > 0 for look in looks]) > 0.2


def test_marks_beside_the_digits_are_written_with_the_same_nib() -> None:
    def blot(lines: object, height: float, thickness: float, random: object) -> np.ndarray:
        return np.ones((20, 20), np.float32)

    one = render(["1"], CLEAN, Hand(IMAGES, LABELS, nibs=(blot,)), rng(), marks=3)
    assert (one.owners == 0).sum() == 400
    assert (one.owners == -2).sum() % 400 == 0 and (one.owners == -2).any()


def test_the_same_seed_renders_the_same_scene() -> None:
    look = random_look(rng(3))
    one, again, other = (scene(["42", "7"], look, seed, marks=2) for seed in (1, 1, 2))
    assert np.array_equal(one.gray, again.gray) and np.array_equal(one.owners, again.owners)
    assert one.text == again.text == other.text == "427"
    assert not np.array_equal(one.gray, other.gray)


def test_a_scene_is_a_frame_with_its_owners() -> None:
    one = scene(["405"])
    assert one.gray.shape == one.owners.shape == FRAME == (480, 640)
    assert one.gray.dtype == np.uint8 and one.owners.dtype == np.int16
    assert np.unique(one.owners).tolist() == [-1, 0, 1, 2]


@pytest.mark.parametrize("marks", [0, 3])
@pytest.mark.parametrize("perspective", [0.0, 0.12])
def test_owners_lie_where_the_ink_is(perspective: float, marks: int) -> None:
    for seed in range(5):
        one = scene(["31"], replace(CLEAN, perspective=perspective, turn=50 * perspective), seed, marks)
        paper = np.median(one.gray)
        inked = one.gray < 0.75 * paper
        owned = one.owners >= 0
        assert inked[owned].mean() > 0.9
        around = cv2.dilate(owned.astype(np.uint8), np.ones((7, 7))) > 0
        if marks == 0:
            assert (inked & ~around).sum() == 0, "no ink is nobody's"


def test_owners_are_numbered_in_reading_order() -> None:
    one = scene(["123", "456"], replace(CLEAN, height=60))
    middles = [np.argwhere(one.owners == index).mean(axis=0) for index in range(6)]
    assert [middle[1] for middle in middles[:3]] == sorted(middle[1] for middle in middles[:3])
    assert [middle[1] for middle in middles[3:]] == sorted(middle[1] for middle in middles[3:])
    assert max(middle[0] for middle in middles[:3]) < min(middle[0] for middle in middles[3:])


@given(
    st.lists(st.text("0123456789", min_size=1, max_size=8), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=12, deadline=None)
def test_every_digit_is_wholly_in_the_frame_whatever_the_look(texts: list[str], seed: int) -> None:
    one = scene(texts, random_look(rng(seed)), seed)
    assert one.text == "".join(texts)
    assert np.unique(one.owners).tolist() == list(range(-1, len(one.text)))
    edge = np.concatenate([one.owners[0], one.owners[-1], one.owners[:, 0], one.owners[:, -1]])
    assert (edge == -1).all()


def test_what_cannot_fit_however_small_is_an_error() -> None:
    with pytest.raises(ValueError, match="rows do not fit"):
        scene(["1"] * 200, replace(CLEAN, height=60), 0)


def test_a_hairline_is_a_pixel_wide_and_its_digits_seen() -> None:
    assert set(range(4)) <= set(np.unique(scene(["3852"], replace(CLEAN, height=20, stroke=0.01), 0).owners))


def test_what_does_not_fit_is_written_smaller() -> None:
    one = scene(["88888888"], replace(CLEAN, height=300))
    rows = np.argwhere(one.owners >= 0)[:, 0]
    assert 20 < np.ptp(rows) < 200
    assert len(np.unique(one.owners)) == 9


@pytest.mark.parametrize("paper", PAPERS)
def test_ink_is_dark_on_paper_and_light_on_a_board(paper: str) -> None:
    one = scene(["5"], replace(CLEAN, paper=paper))
    ink, page = np.median(one.gray[one.owners == 0]), np.median(one.gray[one.owners < 0])
    assert (ink > page + 40) if paper == "board" else (ink < page - 40)


def test_a_pale_pen_leaves_less_and_exposure_darkens_all() -> None:
    def contrast(look: Look) -> float:
        one = scene(["5"], look)
        return float(np.median(one.gray[one.owners < 0]) - np.median(one.gray[one.owners == 0]))

    assert contrast(replace(CLEAN, ink=0.9)) > 2 * contrast(replace(CLEAN, ink=0.3)) > 0
    bright, dark = scene(["5"], CLEAN), scene(["5"], replace(CLEAN, exposure=0.5))
    assert np.median(dark.gray) == pytest.approx(np.median(bright.gray) / 2, abs=3)


def test_defocus_and_motion_take_sharpness_and_noise_adds_it() -> None:
    def sharpness(**changed: float) -> float:
        return float(cv2.Laplacian(scene(["5"], replace(CLEAN, **changed)).gray, cv2.CV_64F).var())

    clean = sharpness()
    assert sharpness(focus=4) < 0.3 * clean
    assert sharpness(motion=9) < 0.8 * clean
    assert sharpness(noise=8) > clean


def test_marks_are_nobodys_and_leave_the_digits_alone() -> None:
    bare, marked = scene(["5"], seed=4), scene(["5"], seed=4, marks=4)
    assert np.array_equal(bare.owners, np.maximum(marked.owners, -1)) and (marked.owners == -2).any()
    dark = 0.75 * np.median(marked.gray)
    assert (marked.gray < dark).sum() > 1.3 * (bare.gray < dark).sum()
    near = cv2.dilate((bare.owners >= 0).astype(np.uint8), np.ones((9, 9))) > 0
    # Each page has a tone of its own.
    shares = [one.gray[near] / np.median(one.gray) for one in (bare, marked)]
    assert np.abs(shares[0] - shares[1]).max() < 0.12


@pytest.mark.parametrize("family", CLUTTER)
def test_clutter_holds_nothing_to_read(family: str) -> None:
    one = render_clutter(family, random_look(rng(1)), rng(1))
    again = render_clutter(family, random_look(rng(1)), rng(1))
    assert one.text == "" and (one.owners == -1).all()
    assert one.gray.shape == FRAME and one.gray.dtype == np.uint8
    assert np.array_equal(one.gray, again.gray)


# --- judging crops ---


@pytest.fixture
def two() -> Scene:
    """A 7 at (100, 100), 60 by 120 pixels, and a 4 beside it at (180, 100)."""
    owners = np.full(FRAME, -1, np.int16)
    owners[100:220, 100:160] = 0
    owners[100:220, 180:240] = 1
    return Scene(np.zeros(FRAME, np.uint8), "74", owners)


def full(box: tuple[int, int, int, int]) -> np.ndarray:
    """Ink all over a box."""
    return np.full((box[3], box[2]), 255, np.uint8)


@pytest.mark.parametrize(
    ("box", "holds"),
    [
        ((100, 100, 60, 120), 7),
        ((98, 97, 64, 126), 7),
        ((101, 101, 58, 118), 7),
        ((180, 100, 60, 120), 4),
        ((100, 100, 140, 120), NOT_A_DIGIT),  # both
        ((100, 100, 60, 55), NOT_A_DIGIT),  # the upper half
        ((160, 90, 18, 140), NOT_A_DIGIT),  # between them
        ((400, 300, 50, 80), NOT_A_DIGIT),  # nothing
        ((0, 100, 160, 300), NOT_A_DIGIT),  # a 7, and more nothing around it
    ],
)
def test_what_a_box_holds_is_judged_by_whose_pixels_it_has(box, holds: int, two: Scene) -> None:
    assert judge(two, box, full(box)) == holds


@pytest.mark.parametrize(
    "box",
    [
        (100, 100, 50, 120),  # most of the 7
        (100, 100, 20, 120),  # a narrow part of it, which may well look like a one
        (100, 100, 95, 120),  # the 7 and a good part of the 4
    ],
)
def test_what_is_hard_to_say_is_left_open(box, two: Scene) -> None:
    assert judge(two, box, full(box)) is None


def test_a_digit_together_with_a_mark_is_none_and_with_a_bit_of_one_is_left_open(two: Scene) -> None:
    two.owners[100:220, 40:95] = -2
    assert judge(two, (40, 100, 120, 120), full((40, 100, 120, 120))) == NOT_A_DIGIT
    assert judge(two, (75, 100, 85, 120), full((75, 100, 85, 120))) is None


def test_of_what_reaches_into_a_box_only_the_crops_own_ink_is_judged(two: Scene) -> None:
    two.owners[100:130, 130:180] = 1  # the 4's bar, over the 7
    box = (100, 100, 60, 120)
    own = full(box)
    own[:32, 28:] = 0
    assert judge(two, box, full(box)) is None
    assert judge(two, box, own) == 7


@pytest.mark.parametrize("text", ["38", "52", "47"])
def test_digits_that_touch_are_none_together_and_their_parts_the_digits(text: str) -> None:
    pairs = [scene([text], replace(CLEAN, height=120, stroke=0.09, touching=1), seed) for seed in range(8)]
    pieces = [cv2.connectedComponents((pair.owners >= 0).astype(np.uint8))[0] - 1 for pair in pairs]
    assert pieces.count(1) >= 4, "most touch: a digit may stand a little lower than where it would meet"
    held = {
        judge(pair, crop.box, crop.ink)
        for pair, count in zip(pairs, pieces, strict=True)
        for whole in find_crops(pair.gray)
        for crop in (whole, *take_apart(whole))
        if crop.dark and count == 1
    }
    assert {int(text[0]), int(text[1]), NOT_A_DIGIT} <= held


def test_ink_too_faint_to_meet_does_not_lie_on_its_neighbour() -> None:
    faint = np.full((20, 11), 0.4, np.float32)
    assert meeting(faint, faint) == 6
    assert meeting(faint / 0.4, faint / 0.4) == 10


def test_in_a_scene_without_digits_nothing_is_one() -> None:
    nobody = Scene(np.zeros(FRAME, np.uint8), "", np.full(FRAME, -1, np.int16))
    assert judge(nobody, (100, 100, 60, 120), full((100, 100, 60, 120))) == NOT_A_DIGIT


def test_what_vision_finds_in_a_clear_scene_is_judged_as_the_digits_it_shows() -> None:
    for seed in range(6):
        one = scene(["3852"], replace(CLEAN, height=90, stroke=0.09, spacing=0.5), seed)
        held = {judge(one, crop.box, crop.ink) for crop in find_crops(one.gray) if crop.is_whole}
        assert {3, 8, 5, 2} <= held


# --- crops to train on ---


@pytest.fixture(scope="module")
def some() -> tuple[np.ndarray, np.ndarray]:
    return make_crops(IMAGES, LABELS, 520, seed=7, workers=2)


def test_crops_are_as_the_network_sees_them_with_their_values(some) -> None:
    crops, values = some
    assert crops.shape == (520, 28, 28) and crops.dtype == np.uint8
    assert values.shape == (520,) and values.dtype == np.int64
    assert set(values.tolist()) == {*range(10), NOT_A_DIGIT}


def test_crops_are_balanced_enough_to_learn_from(some) -> None:
    counted = Counter(some[1].tolist())
    none = counted.pop(NOT_A_DIGIT)
    assert 0.2 < none / 520 < 0.8
    assert max(counted.values()) < 5 * min(counted.values())


def test_digits_among_the_crops_are_made_as_mnist_was(some) -> None:
    crops, values = some
    for image in crops[values < NOT_A_DIGIT]:
        rows, columns = np.nonzero(image)
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert image.max() == 255


def test_the_seed_decides_the_crops_however_many_workers_render_them(some) -> None:
    """And fewer crops are the first of more."""
    crops, values = make_crops(IMAGES, LABELS, 500, seed=7, workers=1)
    assert np.array_equal(crops, some[0][:500]) and np.array_equal(values, some[1][:500])
    assert not np.array_equal(crops[:20], some[0][500:]), "each worker has something else to do"


def test_another_seed_gives_other_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "_CROPS_A_JOB", 20)  # or it takes its time
    seven, eight = (make_crops(IMAGES, LABELS, 25, seed, workers=1) for seed in (7, 8))
    assert seven[0].shape == eight[0].shape == (25, 28, 28)
    assert not np.array_equal(seven[0], eight[0])


def test_a_family_left_out_is_never_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "_CROPS_A_JOB", 40)
    rendered: list[str] = []

    def noting(family: str, *_: object) -> Scene:
        rendered.append(family)
        return render_clutter("page-corner", random_look(rng()), rng())

    monkeypatch.setattr(scenes, "render_clutter", noting)
    make_crops(IMAGES, LABELS, 60, seed=3, workers=1, left_out="letters")
    assert rendered and "letters" not in rendered


def test_what_the_page_cuts_is_written_again_smaller_though_the_camera_sees_all_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Block(Hand):
        def __init__(self) -> None:
            pass

        def write(self, value: int, height: float, *_: object) -> np.ndarray:
            return np.ones((round(height), round(height / 2)), np.float32)

    half = np.array([[0.5, 0, 160], [0, 0.5, 120], [0, 0, 1]])
    monkeypatch.setattr(scenes, "_view", lambda look, rng: half)
    one = render(["1"], replace(CLEAN, height=700), Block(), rng())
    rows, columns = np.nonzero(one.owners == 0)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(columns), abs=4)
