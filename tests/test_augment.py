"""Augmentation: digits stay digits, within stated bounds, and everything comes from the seed."""

import math

import numpy as np
import pytest
import small_mnist
import torch
from torch import Tensor

from training import augment
from training.augment import CHANGES, blur, contrast, occlude, thicken, warp

ALL = [augment.augment, *(change for change, _ in CHANGES)]


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    return torch.from_numpy(small_mnist.printed(200, 3).images).unsqueeze(1).float() / 255


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A warp that does nothing; tests turn on what they look at."""
    for name in ("ROTATION_DEGREES", "SCALE", "ASPECT", "SHEAR", "SHIFT_PIXELS", "ELASTIC_PIXELS"):
        monkeypatch.setattr(augment, name, 0.0)
    return monkeypatch


@pytest.mark.parametrize("change", ALL)
@pytest.mark.parametrize("count", [1, 200])
def test_shape_and_range_are_kept_and_the_input_is_left_alone(
    change: augment.Change, count: int, images: Tensor
) -> None:
    images = images[:count]
    before = images.clone()
    changed = change(images)
    assert changed.shape == images.shape and changed.dtype == torch.float32
    assert changed.min() >= 0 and changed.max() <= 1 + 1e-6
    assert torch.equal(images, before)


@pytest.mark.parametrize("change", ALL)
def test_the_seed_decides(change: augment.Change, images: Tensor) -> None:
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(change(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_a_change_may_be_made_to_none_of_a_small_batch(images: Tensor) -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        assert augment.augment(images[:1]).shape == (1, 1, 28, 28)


def test_each_change_is_made_to_its_share_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "CHANGES", ((torch.ones_like, 0.25),))
    torch.manual_seed(0)
    changed = augment.augment(torch.zeros(4_000, 1, 28, 28)).mean((1, 2, 3))
    assert set(changed.tolist()) == {0.0, 1.0}
    assert changed.mean() == pytest.approx(0.25, abs=0.03)


def test_a_batch_in_which_no_image_is_chosen_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, images: Tensor
) -> None:
    monkeypatch.setattr(
        augment, "CHANGES", tuple((change, 0.0) for change, _ in CHANGES if change is not warp)
    )
    assert torch.equal(augment.augment(images), images)


def test_strokes_grow_and_wear_by_a_pixel_at_most_and_keep_their_ink(images: Tensor) -> None:
    images = images.gt(0.5).float()
    changed = thicken(images)
    near = torch.nn.functional.max_pool2d(images, 3, stride=1, padding=1)
    assert (changed[near == 0] == 0).all()
    assert torch.allclose(changed.amax((1, 2, 3)), images.amax((1, 2, 3)), atol=1e-5)
    ratio = changed.sum((1, 2, 3)) / images.sum((1, 2, 3))
    assert ratio.min() < 0.85 and ratio.max() > 1.5


def test_a_warp_of_nothing_changes_nothing(still: pytest.MonkeyPatch, images: Tensor) -> None:
    assert torch.allclose(warp(images), images, atol=1e-5)


def test_digits_are_shifted_by_the_pixels_stated(still: pytest.MonkeyPatch, images: Tensor) -> None:
    still.setattr(augment, "SHIFT_PIXELS", 3.0)
    moved = centre(warp(images)) - centre(images)
    assert moved.abs().max() == pytest.approx(3, abs=0.1)
    assert moved.mean(0).abs().max() < 0.5


def test_digits_are_turned_by_the_degrees_stated_to_both_sides(still: pytest.MonkeyPatch) -> None:
    still.setattr(augment, "ROTATION_DEGREES", 20.0)
    torch.manual_seed(0)
    bar = torch.zeros(300, 1, 28, 28)
    bar[:, :, 13:15, 4:24] = 1
    turned = slope(warp(bar))
    assert turned.min() == pytest.approx(-20, abs=1) and turned.max() == pytest.approx(20, abs=1)


def test_digits_are_scaled_by_the_share_stated(still: pytest.MonkeyPatch) -> None:
    still.setattr(augment, "SCALE", 0.2)
    torch.manual_seed(0)
    square = torch.zeros(300, 1, 28, 28)
    square[:, :, 8:20, 8:20] = 1
    side = warp(square).sum((1, 2, 3)).sqrt() / 12
    assert side.min() == pytest.approx(math.exp(-0.2), abs=0.03)
    assert side.max() == pytest.approx(math.exp(0.2), abs=0.03)


def test_elastic_distortion_bends_without_tearing(still: pytest.MonkeyPatch, images: Tensor) -> None:
    still.setattr(augment, "ELASTIC_PIXELS", 1.0)
    bent = warp(images)
    assert (bent - images).abs().amax((1, 2, 3)).median() > 0.1
    assert (centre(bent) - centre(images)).abs().max() < 3


def test_blur_softens_without_losing_ink(images: Tensor) -> None:
    soft = blur(images)
    assert torch.allclose(soft.sum((1, 2, 3)), images.sum((1, 2, 3)), rtol=1e-3)
    assert edges(soft).mean() < 0.8 * edges(images).mean()


def test_contrast_keeps_the_order_of_grays(images: Tensor) -> None:
    images = images / images.amax((1, 2, 3), keepdim=True)
    changed = contrast(images)
    assert (changed[images == 0] == 0).all()
    for before, after in zip(images.flatten(1), changed.flatten(1), strict=True):
        assert (after[before.argsort()].diff() >= -1e-6).all()
    peaks = changed.amax((1, 2, 3))
    assert 0.6 <= peaks.min() < 0.7 and peaks.max() > 0.9


def test_occlusion_hides_one_small_rectangle(images: Tensor) -> None:
    images = images * 0 + 0.5
    hidden = (occlude(images) == 0).squeeze(1)
    assert torch.equal(occlude(images).unique(), torch.tensor([0.0, 0.5]))
    rows, columns = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert torch.equal(hidden.sum((1, 2)), rows * columns)
    assert rows.max() <= 8 and columns.max() <= 8 and (rows * columns).float().median() > 4


def centre(images: Tensor) -> Tensor:
    """The centre of mass, `(N, 2)`."""
    place = torch.arange(28.0)
    mass = images.sum((1, 2, 3))
    return torch.stack([images.sum((1, 2)) @ place / mass, images.sum((1, 3)) @ place / mass], 1)


def slope(images: Tensor) -> Tensor:
    """How far a bar's axis is turned, degrees, `(N,)`."""
    rows, columns = np.indices((28, 28))
    angles = []
    for image in images.squeeze(1).numpy():
        covariance = np.cov(np.stack([columns.ravel(), rows.ravel()]), aweights=image.ravel().astype(float))
        angles.append(
            0.5 * math.degrees(math.atan2(2 * covariance[0, 1], covariance[0, 0] - covariance[1, 1]))
        )
    return torch.tensor(angles)


def edges(images: Tensor) -> Tensor:
    return images.diff(dim=3).square().sum((1, 2, 3))
