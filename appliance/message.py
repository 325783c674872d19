"""A stable reading as JSON: what MQTT, webhooks and the programs of hooks are told.

{"name": "pi", "time": 1764039600.123, "text": "42", "confidence": 0.98,
 "digits": [{"value": 4, "confidence": 0.993, "box": [210, 120, 64, 98]}, ...]}
"""

import time

import msgspec

from appliance.steady import Stable
from appliance.vision import Box


class DigitMessage(msgspec.Struct, frozen=True):
    """One digit: its value, how sure it is (0 to 1), and where in the frame it was last seen."""

    value: int
    confidence: float
    box: Box


class Message(msgspec.Struct, frozen=True):
    """Which appliance reads what, since when (Unix seconds), and how sure it is (0 to 1)."""

    name: str
    time: float
    text: str
    confidence: float
    digits: tuple[DigitMessage, ...]


def encode(stable: Stable, name: str) -> bytes:
    """The JSON for what the appliance `name` reads from now on."""
    digits = tuple(DigitMessage(one.value, round(one.confidence, 3), one.box) for one in stable.digits)
    message = Message(name, round(time.time(), 3), stable.text, round(stable.confidence, 3), digits)
    return msgspec.json.encode(message)
