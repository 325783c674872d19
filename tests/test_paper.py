"""Paper, light, lens and sensor: each does to the picture what its name says, and the seed decides how."""

import cv2
import numpy as np
import pytest

from training.paper import LIGHTS, PAPERS, cloud, motion, sensed

SHAPE = (240, 320)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("make", [*PAPERS.values(), *LIGHTS.values()], ids=[*PAPERS, *LIGHTS])
@pytest.mark.parametrize("shape", [SHAPE, (60, 90), (480, 640)])
def test_every_one_fills_the_shape_and_follows_its_seed(make, shape: tuple[int, int]) -> None:
    one, again, other = (make(shape, rng(seed)) for seed in (1, 1, 2))
    assert one.shape == shape and one.dtype == np.float32 and np.isfinite(one).all()
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in PAPERS if name != "board"])
def test_paper_is_light_and_a_board_is_dark(name: str) -> None:
    for seed in range(10):
        assert np.median(PAPERS[name](SHAPE, rng(seed))) > 0.45
        assert np.median(PAPERS["board"](SHAPE, rng(seed))) < 0.45


def variation(page: np.ndarray, axis: int) -> float:
    """How much the lines of pixels across an axis differ from each other in tone."""
    return float(np.ptp(np.median(page, axis=axis)))


def test_ruled_paper_has_lines_across_and_squared_paper_both_ways() -> None:
    for seed in range(10):
        plain, ruled, squared = (PAPERS[name](SHAPE, rng(seed)) for name in ("plain", "ruled", "squared"))
        assert variation(plain, 1) < 0.02 and variation(plain, 0) < 0.02
        assert variation(ruled, 1) > 0.05
        assert variation(squared, 1) > 0.05 and variation(squared, 0) > 0.05
    assert sum(variation(PAPERS["ruled"](SHAPE, rng(seed)), 0) < 0.02 for seed in range(10)) >= 5


def test_dotted_paper_is_plain_but_for_its_dots() -> None:
    page = PAPERS["dotted"](SHAPE, rng())
    dark = page < np.median(page) - 0.03
    assert 0 < dark.mean() < 0.02


def test_textured_paper_is_rougher_than_plain() -> None:
    rough = [PAPERS["textured"](SHAPE, rng(seed)).std() for seed in range(5)]
    assert min(rough) > 2 * PAPERS["plain"](SHAPE, rng()).std()


def test_clouds_are_of_unit_deviation_and_smooth_over_their_cells() -> None:
    for cell in (4, 20):
        hills = cloud((400, 600), cell, rng())
        assert 0.5 < hills.std() < 1.2 and abs(hills.mean()) < 0.2
        near = np.corrcoef(hills[:, :-1].ravel(), hills[:, 1:].ravel())[0, 1]
        far = np.corrcoef(hills[:, : -2 * cell].ravel(), hills[:, 2 * cell :].ravel())[0, 1]
        assert near > 0.85 and abs(far) < 0.3


def test_even_light_is_nearly_the_same_everywhere_and_a_lamp_at_one_side_is_not() -> None:
    for seed in range(10):
        assert np.ptp(LIGHTS["even"](SHAPE, rng(seed))) < 0.2
        lit = LIGHTS["gradient"](SHAPE, rng(seed))
        assert 0.25 < np.ptp(lit) < 0.8 and lit.min() > 0.1 and lit.max() <= 1.01
        assert np.abs(np.diff(lit, axis=0)).max() < 0.02, "without an edge"


def test_a_shadow_darkens_a_part_of_the_page_and_some_have_a_hard_edge() -> None:
    steepest = []
    for seed in range(60):
        lit = LIGHTS["shadow"](SHAPE, rng(seed))
        assert 0.3 < lit.min() < 0.75 and 0.85 < lit.max() <= 1.01
        steepest.append(max(np.abs(np.diff(lit, axis=axis)).max() for axis in (0, 1)))
    assert max(steepest) > 0.06 and min(steepest) < 0.01


def test_blinds_shade_the_page_in_stripes() -> None:
    for seed in range(20):
        lit = LIGHTS["blinds"](SHAPE, rng(seed))
        assert 0.25 < lit.min() < 0.8 and 0.85 < lit.max() <= 1.01
        assert 0.1 < _shade("blinds", seed).mean() < 0.9
    stripes = [cv2.connectedComponents(_shade("blinds", seed))[0] - 1 for seed in range(20)]
    assert np.median(stripes) > 2 and len(set(stripes)) > 3


def test_a_silhouette_is_one_dark_thing_over_some_of_the_page() -> None:
    shares = []
    for seed in range(40):
        lit = LIGHTS["silhouette"](SHAPE, rng(seed))
        assert lit.min() > 0.25 and 0.85 < lit.max() <= 1.01
        shares.append((lit < 0.8 * lit.max()).mean())
    assert 0.02 < np.median(shares) < 0.4


def _shade(light: str, seed: int) -> np.ndarray:
    lit = LIGHTS[light](SHAPE, rng(seed))
    return (lit < (lit.min() + lit.max()) / 2).astype(np.uint8)


def test_a_reflection_is_brighter_than_what_surrounds_it() -> None:
    for seed in range(10):
        lit = LIGHTS["reflection"](SHAPE, rng(seed))
        assert lit.min() > 0.7 and lit.max() < 1.3


def test_motion_smears_along_one_line_and_keeps_the_light() -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    for seed in range(8):
        smeared = motion(point, 9, rng(seed))
        assert smeared.sum() == pytest.approx(1, abs=1e-4)
        places = np.argwhere(smeared > 0) - 20
        assert 5 <= np.ptp(places, axis=0).max() + 1 <= 9
        assert np.linalg.matrix_rank(places - places.mean(axis=0), tol=2.5) == 1, "on one line"


def test_a_motion_of_a_pixel_changes_nothing() -> None:
    page = PAPERS["textured"](SHAPE, rng())
    assert np.allclose(motion(page, 1, rng()), page, atol=1e-6)


@pytest.mark.parametrize("noise", [0, 3, 10])
def test_the_sensor_adds_so_much_noise(noise: float) -> None:
    gray = sensed(np.full(SHAPE, 0.5, np.float32), noise, 100, rng())
    assert gray.dtype == np.uint8 and gray.shape == SHAPE
    assert gray.std() == pytest.approx(noise, rel=0.1, abs=0.1)
    assert gray.mean() == pytest.approx(127, abs=1)


def test_what_is_too_bright_or_too_dark_is_clipped() -> None:
    assert (sensed(np.full(SHAPE, 1.7, np.float32), 0, 100, rng()) == 255).all()
    assert (sensed(np.full(SHAPE, -0.4, np.float32), 0, 100, rng()) == 0).all()


def test_jpeg_leaves_its_traces_and_more_of_them_at_low_quality() -> None:
    page = PAPERS["textured"](SHAPE, rng())
    true = sensed(page, 0, 100, rng()).astype(int)
    fine, coarse = (np.abs(sensed(page, 0, quality, rng()) - true).mean() for quality in (90, 20))
    assert 0 < fine < coarse < 10
