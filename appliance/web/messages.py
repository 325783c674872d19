"""What the page and its API send and take, typed: the OpenAPI document is made of these."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.corrections import Value
from appliance.health import Health
from appliance.vision import Box

Share = Annotated[float, Meta(ge=0, le=1)]
Index = Annotated[int, Meta(ge=0, le=1000)]


class Seen(msgspec.Struct, frozen=True):
    """One digit of a frame, or a stroke that was passed over."""

    value: Annotated[int, Meta(ge=0, le=9)]
    confidence: Share
    box: Box
    """`[x, y, w, h]` in the picture."""
    probabilities: list[Share]
    """Of the digits 0 to 9, calibrated."""
    crop: bytes
    """28x28 gray values as the network saw them, row by row, in Base64."""


class Change(msgspec.Struct, frozen=True):
    """From when on the reading was what."""

    time: float
    """In Unix seconds."""
    text: str
    confidence: Share


class Aim(msgspec.Struct, frozen=True):
    """How well the camera stands."""

    sharpness: Share
    """1 where edges are as steep as pixels allow."""
    brightness: Share
    """The median."""
    contrast: Share
    """How far apart dark and light are."""
    glare: Share
    """What part of the picture is white beyond measure."""
    advice: str
    """What to do about it."""


class Live(msgspec.Struct, frozen=True):
    """What is seen and read now."""

    frame: int
    """The number of the frame since the start; 0 before the first."""
    time: float
    """When that was, in Unix seconds."""
    text: str
    """The steady reading: what the display shows."""
    confidence: Share
    fault: str | None
    """Why there are no frames; None while there are."""
    name: str
    """The file's name, of a recorded frame."""
    size: tuple[int, int]
    """The picture's width and height in pixels."""
    digits: list[Seen]
    """This frame's own, in reading order."""
    passed_over: list[Seen]
    """What was looked at and not read, the tallest first."""
    changes: list[Change]
    """The latest changes of the reading, the newest last."""
    health: Health
    temperature: float | None
    """Degrees Celsius, where it is measured."""
    aim: Aim | None = None
    """Only where it was asked for."""


class KeptCorrection(msgspec.Struct, frozen=True):
    """A correction as the page lists it."""

    id: str
    time: float
    value: Value | None
    waits: bool
    """Whether nobody has said yet what it is; then `value` means nothing."""
    read: Value
    confidence: Share


class Collection(msgspec.Struct, frozen=True):
    """All that was put right."""

    corrections: list[KeptCorrection]
    """The newest first."""
    counts: list[int]
    """Of the digits 0 to 9, and of what is no digit."""
    waiting: int
    most: int
    """How many the store takes."""
    advice: str
    """Whether it is enough to retrain, in a sentence."""


class NewCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says that something in a frame shown lately was read wrong."""

    frame: Annotated[int, Meta(ge=0, le=2**53)]
    """The number of the frame."""
    place: Index
    """Which of its `digits`, and after them of its `passed_over`, counted from 0."""
    value: Value | UnsetType = UNSET
    """What it is: a digit, or null for none. Without it the correction waits for an answer."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a correction is: a digit, or null for none."""

    value: Value


class Setting(msgspec.Struct, frozen=True):
    """One key of the configuration."""

    key: str
    value: str
    """As it is in use, in TOML."""
    default: str


class Setup(msgspec.Struct, frozen=True):
    """The configuration: in its file, and in use."""

    file: str
    text: str
    """What is in the file."""
    refused: str | None
    """Why that is not in use; None if it is."""
    in_use: list[Setting]
    kept: list[str]
    """Those in use before, the newest first, by the time (UTC) since when they were."""


class NewSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text for the configuration's file."""

    text: Annotated[str, Meta(max_length=50_000)]


class Kept(msgspec.Struct, frozen=True):
    """A configuration that was in use before."""

    name: str
    text: str


class Problem(msgspec.Struct, frozen=True):
    """Why a request could not be done."""

    error: str
    status: Literal[400, 404, 409, 422, 503, 507]
