"""How Home Assistant finds the appliance by itself: what MQTT discovery has to be told.

One device with what it reads, a picture of it, whether anything is wrong and, where corrections are allowed,
a button and a field to correct with, and what came of that. The oldest Home Assistant that knows all of it is
2023.8. See https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery.
"""

from typing import Any

from appliance import __version__
from appliance.config import MqttSettings
from appliance.machine import model

PRESS = "PRESS"
"""What the button says."""
CORRECTING = {("button", ""), ("text", ""), ("sensor", "learned")}
"""What is only there where corrections are allowed."""


def discovery(settings: MqttSettings, name: str, base: str) -> dict[str, dict[str, Any] | None]:
    """What to publish on which topic, retained; None takes back what another configuration published.

    `name` is the appliance's, and `base` the topic under which it tells everything.
    """
    identity = f"digit-appliance-{name}"
    shared = {
        "device": {
            "identifiers": [identity],
            "name": f"Digits {name}",
            "manufacturer": "Digit appliance",
            "model": model() or "Digit appliance",
            "sw_version": __version__,
        },
        "origin": {"name": "digit-appliance", "sw_version": __version__},
        "availability_topic": f"{base}/availability",
    }
    return {
        _joined("/", settings.discovery, kind, identity, part, "config"): (
            shared | entity | {"unique_id": _joined("-", identity, kind, part)}
            if _wanted(settings, kind, part)
            else None
        )
        for (kind, part), entity in _entities(base).items()
    }


def _joined(between: str, *words: str) -> str:
    return between.join(filter(None, words))


def _wanted(settings: MqttSettings, kind: str, part: str) -> bool:
    if kind == "image":
        return settings.picture > 0
    return settings.corrections or (kind, part) not in CORRECTING


def _entities(base: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What is particular to each entity, by its kind, and by what tells it from another of its kind."""
    return {
        ("sensor", ""): {
            "name": "Number",
            "icon": "mdi:numeric",
            "state_topic": f"{base}/digits",
            "value_template": "{{ value_json.text or 'nothing' }}",
            "json_attributes_topic": f"{base}/digits",
        },
        ("image", ""): {
            "name": "Picture",
            "image_topic": f"{base}/picture",
            "content_type": "image/jpeg",
        },
        ("binary_sensor", ""): {
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": f"{base}/health",
            "value_template": "{{ 'ON' if value_json.fault else 'OFF' }}",
            "json_attributes_topic": f"{base}/health",
        },
        ("button", ""): {
            "name": "Learn this",
            "icon": "mdi:school",
            "command_topic": f"{base}/learn",
            "payload_press": PRESS,
        },
        ("text", ""): {
            "name": "Right number",
            "icon": "mdi:pencil",
            "command_topic": f"{base}/learn",
            "pattern": "[0-9]*|none",
            "max": 20,
            # Without a state the field is filled with "unknown", and then with what was right the last time.
            "state_topic": f"{base}/availability",
            "value_template": "{{ '' }}",
        },
        ("sensor", "learned"): {
            "name": "Last correction",
            "icon": "mdi:message-reply-text",
            "entity_category": "diagnostic",
            "state_topic": f"{base}/learned",
        },
    }
