"""A frame as if it were evenly lit: `glare` is taken off, or else `stripes` of light are evened out.

So is the grain of a coarse ground, a `texture` of light and shade.
"""

import numpy as np
from numpy.typing import NDArray

from appliance.vision.glare import without_glare
from appliance.vision.ink import Ink, flatten
from appliance.vision.stripes import without_stripes
from appliance.vision.texture import without_texture


def evenly_lit(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Ink]:
    """A gray frame `uint8 (H, W)` without glare, or without stripes of light, and its ink.

    The same frame if it has neither, nor a coarse texture.
    """
    ink = flatten(gray)
    even = without_glare(gray, ink)
    if even is gray:
        even = without_stripes(gray, ink)
    return without_texture(even, ink if even is gray else flatten(even))
