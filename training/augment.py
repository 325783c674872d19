"""Augmentation: a batch of crops becomes another batch of crops that could as well have been written.

All of it is tensor arithmetic on whole batches, on whatever device they lie. Every function takes and
gives `float32 (N, 1, 28, 28)` in 0..1, white on black, and draws from torch's random numbers.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor

Change = Callable[[Tensor], Tensor]

ROTATION_DEGREES = 12.0
SCALE, ASPECT, SHEAR = 0.10, 0.10, 0.15
SHIFT_PIXELS = 1.0
ELASTIC_PIXELS, ELASTIC_GRID = 1.0, 5


def thicken(images: Tensor) -> Tensor:
    """Strokes grown or worn by up to a pixel a side (gray dilation, erosion), as bright as before."""
    # Worn less than grown: eroding MNIST's strokes by a whole pixel leaves nothing of many.
    strength = _uniform(images, -0.7, 1)
    grown = F.max_pool2d(images, 3, stride=1, padding=1)
    worn = -F.max_pool2d(F.pad(-images, (0, 1, 0, 1)), 2, stride=1)
    changed = torch.where(strength > 0, images.lerp(grown, strength), images.lerp(worn, -strength))
    return _same_peak(changed, images)


def warp(images: Tensor) -> Tensor:
    """Rotation, scale, aspect, shear, shift and an elastic distortion, in one resampling.

    The elastic field is bicubic between a few random displacements (a smooth one as in Simard et al.,
    "Best Practices for Convolutional Neural Networks", 2003, at a fraction of the cost).
    """
    size = images.shape[-1]
    grid = F.affine_grid(_affine(images), list(images.shape), align_corners=False)
    knots = torch.randn(len(images), 2, ELASTIC_GRID, ELASTIC_GRID, device=images.device)
    knots *= _uniform(images, 0, ELASTIC_PIXELS) * 2 / size
    field = F.interpolate(knots, size=size, mode="bicubic", align_corners=True)
    return F.grid_sample(images, grid + field.movedim(1, -1), align_corners=False)


def blur(images: Tensor) -> Tensor:
    """Out of focus by up to a pixel."""
    return images.lerp(F.avg_pool2d(images, 3, stride=1, padding=1), _uniform(images, 0, 1))


def contrast(images: Tensor) -> Tensor:
    """Fainter strokes (gain) with fuller or leaner edges (gamma)."""
    return images.clamp(0, 1).pow(_uniform(images, -0.5, 0.5).exp()) * _uniform(images, 0.6, 1)


def occlude(images: Tensor) -> Tensor:
    """A black rectangle of up to 8 x 8 pixels somewhere: glare, a scar where a ruled line was removed."""
    height, width = images.shape[-2:]
    rows = torch.arange(height, device=images.device).view(1, 1, -1, 1)
    columns = torch.arange(width, device=images.device).view(1, 1, 1, -1)
    hidden = _within(rows, _uniform(images, 0, height)) & _within(columns, _uniform(images, 0, width))
    return images.masked_fill(hidden, 0)


CHANGES: tuple[tuple[Change, float], ...] = (
    (thicken, 0.3),
    (warp, 0.8),
    (blur, 0.2),
    (contrast, 0.2),
    (occlude, 0.1),
)
"""What is done to a batch, in this order, and to what share of its images."""


def augment(images: Tensor) -> Tensor:
    """Every change in turn, each to images of its own choice."""
    images = images.clone()
    for change, share in CHANGES:
        chosen = torch.rand(len(images), device=images.device) < share
        if chosen.any():  # of a small batch there may be none
            images[chosen] = change(images[chosen])
    return images


def _affine(images: Tensor) -> Tensor:
    """Random affine maps `(N, 2, 3)` from output to input, in `affine_grid`'s coordinates."""
    angle, scale, aspect, shear = (
        _uniform(images, -most, most).flatten()
        for most in (math.radians(ROTATION_DEGREES), SCALE, ASPECT, SHEAR)
    )
    across, down = (scale + aspect).exp(), (scale - aspect).exp()
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    stretch = torch.stack([across, shear * down, torch.zeros_like(down), down], 1).view(-1, 2, 2)
    shift = torch.rand(len(images), 2, 1, device=images.device) * 2 - 1
    return torch.cat([turn @ stretch, shift * SHIFT_PIXELS * 2 / images.shape[-1]], 2)


def _same_peak(changed: Tensor, images: Tensor) -> Tensor:
    peak, before = changed.amax((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return changed * (before / peak.clamp(min=1e-3))


def _within(position: Tensor, middle: Tensor, largest: float = 8) -> Tensor:
    return (position - middle).abs() < _uniform(middle, 1, largest) / 2


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    """One number an image, `(N, 1, 1, 1)`."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) * (high - low) + low
