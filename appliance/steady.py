"""Readings over time to one steady text.

Each digit is followed from frame to frame, and what the frames say of it is joined. A text is shown
once enough frames in a row agree on it, and no digit that was seen a moment before is missing. What
is lost stays for the hold time: a hand that passes over a digit changes nothing. Pure: the only clock is
the frames' own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import hypot, inf, prod

import numpy as np
from numpy.typing import NDArray

from appliance.config import SteadySettings
from appliance.reader import Digit, Reading
from appliance.vision import Box

_MISREAD = 0.1
"""The chance granted to each frame to be wrong whatever it claims, so that no single one outweighs many."""
_MARGIN = 1.0
"""How much better, in mean log-probability, another value must be than the one shown."""
_REACH = 0.5
"""A digit is the same if it moved less than this between frames, in digit heights."""
_GROWTH = 2.0
"""A digit is the same if its height changed by less than this factor between frames."""
_STILL = 0.25
"""Digits that go further than this while frames agree, in digit heights, are arriving: more may follow.

Measured from where they were when the agreement began: a trembling hand comes back, a sliding paper does not.
"""


@dataclass(frozen=True, slots=True)
class Stable:
    """What is to be shown now, and whether that differs from the update before.

    `confidence` is the chance that the whole text is right, 0 to 1; 0 for no text. `digits` are the
    text's digits where they were last seen, each with what was joined over the window.
    """

    text: str = ""
    confidence: float = 0.0
    digits: tuple[Digit, ...] = ()
    changed: bool = False


@dataclass(eq=False, slots=True)
class _Track:
    """One digit followed from frame to frame."""

    digit: Digit
    shown: int | None = None
    """The value on display."""
    history: list[NDArray[np.float32] | None] = field(default_factory=list)
    """The probabilities of 0 to 9 in each frame, `(10,)`; None where the digit was not seen."""

    @property
    def alive(self) -> bool:
        """Whether it was seen within the window, or is on display and may come back."""
        return self.shown is not None or any(seen is not None for seen in self.history)

    @property
    def is_pending(self) -> bool:
        """Whether it was seen more than once in the window without being shown: it may well come back."""
        return self.shown is None and sum(seen is not None for seen in self.history) > 1

    @property
    def value(self) -> int:
        """The value that the frames of the window together make likeliest."""
        scores = self._log_probabilities()
        if self.shown is not None:
            scores[self.shown] += _MARGIN
        return int(np.argmax(scores))

    def joined(self, value: int) -> Digit:
        """The digit where it was last seen, with what the window's frames say of it together.

        Its probabilities are the mean of the frames': those are too alike to count as independent.
        """
        likely = self._probabilities().mean(axis=0)
        return replace(
            self.digit, value=value, confidence=min(1.0, float(likely[value])), probabilities=likely
        )

    def _log_probabilities(self) -> NDArray[np.float32]:
        trusted = (1 - _MISREAD) * self._probabilities() + _MISREAD / 10
        mean: NDArray[np.float32] = np.log(trusted).mean(axis=0)
        return mean

    def _probabilities(self) -> NDArray[np.float32]:
        return np.stack([seen for seen in self.history if seen is not None])


class Steadier:
    """Turns one reading a frame into a steady text; `settings` may be replaced at any time."""

    def __init__(self, settings: SteadySettings) -> None:
        self.settings = settings
        self._tracks: list[_Track] = []
        self._candidate: list[tuple[_Track, int]] = []
        self._agreeing_frames = 0
        self._boxes_at_first: list[Box] = []
        self._shown: list[tuple[_Track, int]] = []
        self._stable = Stable()
        self._now_ns = 0
        self._last_supported_ns = 0

    def update(self, reading: Reading, time_ns: int) -> Stable:
        """Takes the next frame's reading and its time, on a monotonic clock; gives what to show."""
        self._now_ns = max(self._now_ns, time_ns)
        self._consider(reading)
        text = "".join(str(value) for _, value in self._candidate)
        agreed = self._agreeing_frames >= self.settings.agree
        # Nothing new is in view, only less than is shown: a hand may be passing.
        lost = all(part in self._shown for part in self._candidate)
        held = self._now_ns - self._last_supported_ns < self.settings.hold * 1e9
        if text == self._stable.text or (agreed and not (lost and held)):
            self._show(self._candidate)
        elif not held:
            self._forget_shown()
        else:
            self._stable = replace(self._stable, changed=False)
        return self._stable

    def _consider(self, reading: Reading) -> None:
        """Finds what the window's frames together say, and for how many frames each said so by itself."""
        tracks = self._follow(reading.digits)
        candidate = [(track, track.value) for track in tracks]
        missing = any(track.is_pending for track in self._tracks if track not in tracks)
        boxes = [digit.box for digit in reading.digits]
        if missing or any(track.digit.value != value for track, value in candidate):
            self._agreeing_frames = 0
        elif self._agreeing_frames and candidate == self._candidate and self._are_still(boxes):
            self._agreeing_frames += 1
        else:
            self._agreeing_frames, self._boxes_at_first = 1, boxes
        self._candidate = candidate

    def _are_still(self, boxes: Sequence[Box]) -> bool:
        return all(_distance(*pair) < _STILL for pair in zip(self._boxes_at_first, boxes, strict=True))

    def _follow(self, digits: Sequence[Digit]) -> list[_Track]:
        """The track of each digit: the nearest of the frames before, or a new one."""
        near = sorted(
            (
                (distance, index, track)
                for index, digit in enumerate(digits)
                for track in self._tracks
                if (distance := _distance(track.digit.box, digit.box)) < _REACH
            ),
            key=lambda pair: pair[0],
        )
        found: dict[int, _Track] = {}
        for _, index, track in near:
            if index not in found and track not in found.values():
                found[index] = track
        tracks = [found.get(index) or _Track(digit) for index, digit in enumerate(digits)]
        self._remember(tracks, digits)
        return tracks

    def _remember(self, tracks: list[_Track], digits: Sequence[Digit]) -> None:
        """Adds this frame to every track's history and forgets what has left the window."""
        for track, digit in zip(tracks, digits, strict=True):
            track.digit = digit
            track.history.append(digit.probabilities)
        unseen = [track for track in self._tracks if track not in tracks]
        for track in unseen:
            track.history.append(None)
        self._tracks = tracks + unseen
        for track in self._tracks:
            del track.history[: -self.settings.window]
        self._tracks = [track for track in self._tracks if track.alive]

    def _forget_shown(self) -> None:
        """Shows nothing. What has been away for the hold time is not waited for any more."""
        in_view = [track for track, _ in self._candidate]
        self._tracks = [track for track in self._tracks if track.shown is None or track in in_view]
        self._show([])

    def _show(self, parts: list[tuple[_Track, int]]) -> None:
        for track, _ in self._shown:
            track.shown = None
        for track, value in parts:
            track.shown = value
        digits = tuple(track.joined(value) for track, value in parts)
        text = "".join(str(digit.value) for digit in digits)
        confidence = prod(digit.confidence for digit in digits) if digits else 0.0
        self._stable = Stable(text, confidence, digits, changed=text != self._stable.text)
        self._shown, self._last_supported_ns = parts, self._now_ns


def _distance(one: Box, other: Box) -> float:
    """How far two boxes are apart, in heights of the larger; infinite for unlike sizes.

    By the nearest of their edges or middles: a line of the paper now and then joins one side of a digit.
    """
    (x1, y1, w1, h1), (x2, y2, w2, h2) = one, other
    if max(h1, h2) > _GROWTH * min(h1, h2):
        return inf
    across, down = (
        min(abs(near - far), abs(near + size - far - long), abs(near + size / 2 - far - long / 2))
        for near, size, far, long in ((x1, w1, x2, w2), (y1, h1, y2, h2))
    )
    return hypot(across, down) / max(h1, h2)
