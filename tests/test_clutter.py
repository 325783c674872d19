"""Clutter: scenes with nothing to read, of many kinds."""

import cv2
import numpy as np
import pytest

from training.clutter import CLUTTER

EVERY_FAMILY = pytest.mark.parametrize("family", CLUTTER)
WANTED = {"blank", "table", "hands", "keyboard", "letters", "page-corner", "objects", "crossed-out"}


def made(family: str, seed: int = 0, shape: tuple[int, int] = (240, 320)) -> np.ndarray:
    return CLUTTER[family](shape, np.random.default_rng(seed))


def test_what_lies_on_tables_is_there() -> None:
    assert set(CLUTTER) >= WANTED


@EVERY_FAMILY
@pytest.mark.parametrize("shape", [(240, 320), (480, 640), (97, 131)])
def test_every_family_fills_any_shape(family: str, shape: tuple[int, int]) -> None:
    picture = made(family, shape=shape)
    assert picture.shape == shape and picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert -0.5 < np.median(picture) < 1.2


@EVERY_FAMILY
def test_the_seed_decides(family: str) -> None:
    assert np.array_equal(made(family, 1), made(family, 1))
    assert not np.array_equal(made(family, 1), made(family, 2))


@pytest.mark.parametrize("family", [family for family in CLUTTER if family != "blank"])
def test_there_is_something_to_be_wrong_about(family: str) -> None:
    """Most of the pictures have structure, unlike blank paper."""

    def structure(picture: np.ndarray) -> float:
        gray = np.clip(picture * 255, 0, 255).astype(np.uint8)
        return float(np.percentile(cv2.absdiff(gray, cv2.GaussianBlur(gray, (0, 0), 6)), 99))

    bare = max(structure(made("blank", seed)) for seed in range(5))
    assert sum(structure(made(family, seed)) > 2 * bare for seed in range(8)) >= 5


def test_blank_paper_has_next_to_no_structure() -> None:
    assert made("blank").std() < 0.02
