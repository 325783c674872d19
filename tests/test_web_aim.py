import cv2
import numpy as np
import pytest
from drawn import draw

from appliance.reader import Reading
from appliance.web.aim import judge

PAPER = draw("4", scale=5.0)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 4, PAPER.shape)


def aim(gray, noise=0.0):
    return judge(np.clip(gray + noise, 0, 255).astype(np.uint8), Reading())


def blurred(sigma):
    return cv2.GaussianBlur(PAPER, (0, 0), sigma)


def test_sharpness_falls_with_every_step_out_of_focus(noise):
    values = [aim(blurred(sigma), noise).sharpness for sigma in (0.3, 1, 2, 3, 5, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.7
    assert values[-1] < 0.25


def test_sharpness_does_not_depend_on_the_light(noise):
    bright, dim = aim(PAPER, noise), aim(PAPER * 0.4, noise * 0.4)
    assert abs(bright.sharpness - dim.sharpness) < 0.1
    assert dim.brightness < bright.brightness / 2


@pytest.mark.parametrize(
    ("gray", "advice"),
    [
        (PAPER, "Good"),
        (blurred(6), "Blurred"),
        (PAPER * 0.05, "Too dark"),
        (np.full_like(PAPER, 255), "Too bright"),
        (np.full_like(PAPER, 128), "Nothing to see"),
    ],
)
def test_the_advice_fits(gray, advice):
    assert aim(gray).advice.startswith(advice)


def test_only_what_lies_in_the_frame_counts():
    edge = np.full((480, 640), 200, np.uint8)
    edge[:, :40] = 0
    assert aim(edge).contrast == 0
