"""Discovery's payloads, held against Home Assistant's schema as ha-mqtt-models-pydantic has it."""

import json
import re

import msgspec
import pytest
from ha_mqtt_models_pydantic import parse_component_payload

from appliance.config import MqttSettings
from appliance.homeassistant import PRESS, discovery

BASE = "digits/pi"
ALL = MqttSettings(host="broker", corrections=True)

TOPIC = re.compile(r"homeassistant/([a-z_]+)/digit-appliance-pi(?:/([a-zA-Z0-9_-]+))?/config")
"""`<discovery_prefix>/<component>/[<node_id>/]<object_id>/config` (Home Assistant, "MQTT", "Discovery")."""


def published(settings=ALL):
    """What goes over the wire: component, and what tells it from another of its kind, to payload."""
    entities = {}
    for topic, payload in discovery(settings, "pi", BASE).items():
        match = TOPIC.fullmatch(topic)
        assert match, topic
        entities["_".join(filter(None, match.groups()))] = (
            json.loads(msgspec.json.encode(payload)) if payload else None
        )
    return entities


@pytest.mark.parametrize("name", ["sensor", "image", "binary_sensor", "button", "text", "sensor_learned"])
def test_every_payload_is_what_home_assistant_takes_and_no_key_is_lost(name):
    payload = published()[name]
    entity = parse_component_payload(name.removesuffix("_learned"), payload)
    # The schema passes over what it does not know; we send nothing that it does.
    known = {field.alias or name for name, field in type(entity).model_fields.items()}
    assert set(payload) <= known
    assert entity.model_dump(by_alias=True, exclude_unset=True, mode="json") == payload


def test_all_are_of_one_device_and_no_two_are_the_same():
    entities = published().values()
    assert len({json.dumps(entity["device"], sort_keys=True) for entity in entities}) == 1
    assert len({entity["unique_id"] for entity in entities}) == len(entities) == 6
    assert {entity["availability_topic"] for entity in entities} == {"digits/pi/availability"}


def test_two_appliances_are_two_devices():
    one, other = (discovery(ALL, name, f"digits/{name}") for name in ("pi", "desk"))
    assert not set(one) & set(other)
    identifiers = [
        entity["device"]["identifiers"] for entities in (one, other) for entity in entities.values()
    ]
    assert len({tuple(identifier) for identifier in identifiers}) == 2


def test_each_is_told_of_the_topic_that_the_appliance_tells():
    entities = published()
    assert entities["sensor"]["state_topic"] == f"{BASE}/digits"
    assert entities["image"]["image_topic"] == f"{BASE}/picture"
    assert entities["binary_sensor"]["state_topic"] == f"{BASE}/health"
    assert entities["button"]["command_topic"] == entities["text"]["command_topic"] == f"{BASE}/learn"
    assert entities["button"]["payload_press"] == PRESS
    assert entities["sensor_learned"]["state_topic"] == f"{BASE}/learned"


@pytest.mark.parametrize(
    ("settings", "taken_back"),
    [
        (MqttSettings(host="broker"), {"button", "text", "sensor_learned"}),
        (MqttSettings(host="broker", corrections=True, picture=0), {"image"}),
    ],
)
def test_what_is_not_allowed_is_taken_back(settings, taken_back):
    entities = published(settings)
    assert {component for component, payload in entities.items() if payload is None} == taken_back
