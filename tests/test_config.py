import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.config import (
    BuzzerSettings,
    Config,
    IndicatorSettings,
    LampSettings,
    SteadySettings,
    load_config,
)
from appliance.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "systemd" / "config.toml"
KEY = re.compile(r"^#(\w+) = ", re.MULTILINE)


@pytest.fixture
def write(tmp_path):
    """Writes a configuration and gives its path."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def keys_of(settings, prefix="") -> set[str]:
    keys = set()
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        keys |= keys_of(value, f"{prefix}{name}.") if hasattr(value, "__struct_fields__") else {prefix + name}
    return keys


def keys_in(text: str) -> set[str]:
    keys, table = set(), ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line):
            table = header[1]
        elif key := KEY.match(line):
            keys.add(f"{table}.{key[1]}")
    return keys


def test_no_file_means_one_seven_segment_digit_and_the_pi_camera():
    config = load_config(None)
    assert config.camera.source == "picamera"
    assert [key for key, _ in config.indicators.pins()] == [
        f"indicators.seven_segment.segments[{index}]" for index in range(7)
    ]


def test_an_empty_file_means_the_defaults(write):
    assert load_config(write("")) == Config()


def test_the_example_loads_as_shipped_and_changes_nothing():
    assert load_config(EXAMPLE) == Config()


def test_the_example_shows_the_defaults(write):
    """With every key uncommented, and each one really read: a changed default would differ."""
    assert load_config(write(KEY.sub(r"\1 = ", EXAMPLE.read_text()))) == Config()


def test_the_example_names_every_key():
    assert keys_in(EXAMPLE.read_text()) == keys_of(Config())


def test_each_example_line_is_read_from_where_it_stands(write):
    """Uncommented under a wrong table, a key would be refused as unknown."""
    text = EXAMPLE.read_text()
    for match in KEY.finditer(text):
        load_config(write(text[: match.start()] + text[match.start() + 1 :]))


def test_a_file_changes_what_it_names_and_nothing_else(write):
    config = load_config(
        write(
            """
            [camera]
            rotation = 180
            focus = 8
            [reading]
            threshold = 0.9
            [steady]
            hold = 0
            [indicators.lamp]
            enabled = true
            """
        )
    )
    assert (config.camera.rotation, config.camera.focus, config.camera.fps) == (180, 8.0, 30)
    assert (config.reading.threshold, config.steady.hold) == (0.9, 0.0)
    assert list(config.indicators.pins())[-1] == ("indicators.lamp.pin", 12)
    assert config.indicators.seven_segment.enabled


WRONG = [
    # (text, the key, what would be right)
    ("[camera]\nwdith = 320", "camera.wdith", "did you mean width?"),
    ("[cammera]\nwidth = 320", "cammera", "did you mean camera?"),
    ("[indicators.seven_segments]", "indicators.seven_segments", "did you mean seven_segment?"),
    ("verbose = true", "verbose", "camera, reading, steady, indicators, corrections, announce"),
    ('"two\\nlines" = 1', r"two\nlines", "camera"),
    ("camera = 5", "camera is 5", "a table, [camera]"),
    ("[[camera]]\nfps = 3", "camera", "a table, [camera]"),
    ("[indicators]\nlamp = 12", "indicators.lamp is 12", "[indicators.lamp]"),
    ("[camera]\nsource = 0", "camera.source is 0", "text in quotes"),
    ("[camera]\nwidth = 640.5", "camera.width is 640.5", "pixels from 16 to 8192"),
    ("[camera]\nheight = 0", "camera.height is 0", "pixels from 16 to 8192"),
    ("[camera]\nfps = 0", "camera.fps is 0", "from 1 to 240"),
    ('[camera]\nfps = "30"', "camera.fps is '30'", "from 1 to 240"),
    ("[camera]\nfps = 2026-01-01", "camera.fps", "from 1 to 240"),
    ("[camera]\nrotation = 45", "camera.rotation is 45", "0 or 180"),
    ("[camera]\nmirror = 1", "camera.mirror is 1", "true or false"),
    ("[camera]\nflicker_hz = 55", "camera.flicker_hz is 55", "0 (off), 50 or 60"),
    ('[camera]\nfocus = "macro"', "camera.focus is 'macro'", '"continuous", "close"'),
    ("[camera]\nroi = [0, 0, 1]", "camera.roi is [0, 0, 1]", "left, top, width, height"),
    ("[camera]\nroi = [0, 0, 2, 1]", "camera.roi[2] is 2", "a fraction of the picture"),
    ("[camera]\nroi = [0.5, 0, 0.6, 1]", "camera.roi is [0.5, 0.0, 0.6, 1.0]", "1 at most"),
    ("[camera]\nroi = [0, 0, 0, 1]", "camera.roi is [0.0, 0.0, 0.0, 1.0]", "1 at most"),
    ('[camera]\nexposure = "long"', "camera.exposure is 'long'", "milliseconds from 0.05"),
    ("[camera]\nexposure = 0", "camera.exposure is 0", "milliseconds from 0.05"),
    ("[camera]\nfocus = -1", "camera.focus is -1", "0 to 32 dioptres"),
    ("[camera]\ntimeout = 0", "camera.timeout is 0", "0.05 to 60"),
    ("[camera]\ndwell = 0", "camera.dwell is 0", "from 1 to 1000"),
    ("[reading]\nweights = false", "reading.weights is False", "text in quotes"),
    ("[reading]\nthreshold = 99", "reading.threshold is 99", "0 to 1"),
    ('[reading]\nthreshold = "high"', "reading.threshold is 'high'", '"calibrated"'),
    ("[steady]\nhold = -1", "steady.hold is -1", "0 to 60"),
    ("[steady]\nhold = nan", "steady.hold is nan", "0 to 60"),
    ("[steady]\nhold = inf", "steady.hold is inf", "0 to 60"),
    ("[steady]\nagree = 0", "steady.agree is 0", "from 1 to 1000"),
    ("[steady]\nagree = 7", "steady.agree is 7", "lower agree"),
    ("[steady]\nwindow = 3", "steady.window, 3", "lower agree"),
    ("[indicators]\nscroll = 0", "indicators.scroll is 0", "0.05 to 60"),
    ("[indicators.seven_segment]\nsegments = [5, 6]", "indicators.seven_segment.segments", "7 pins"),
    ("[indicators.seven_segment]\nsegments = 5", "indicators.seven_segment.segments is 5", "7 pins"),
    ("[indicators.ten_leds]\npins = [4, 17]", "indicators.ten_leds.pins is [4, 17]", "10 pins"),
    ("[indicators.row]\ndigits = [4]", "indicators.row.digits is [4]", "2 to 8 pins"),
    ("[indicators.binary]\npins = [4]", "indicators.binary.pins is [4]", "4 pins"),
    ("[indicators.lamp]\npin = 28", "indicators.lamp.pin is 28", "2 to 27"),
    ("[indicators.lamp]\npin = 1", "indicators.lamp.pin is 1", "2 to 27"),
    ("[indicators.lamp]\npin = -4", "indicators.lamp.pin is -4", "2 to 27"),
    ('[indicators.lamp]\npin = "GPIO12"', "indicators.lamp.pin is 'GPIO12'", "BCM"),
    (
        '[indicators.seven_segment]\nsegments = [5, 6, 13, 19, 26, 20, "21"]',
        "indicators.seven_segment.segments[6] is '21'",
        "2 to 27",
    ),
    ("[indicators.buzzer]\nchirp = 60", "indicators.buzzer.chirp is 60", "0.01 to 2"),
    ('[page]\nlisten = "yes"', "page.listen is 'yes'", '"off" or "HOST:PORT"'),
    ('[page]\nlisten = "0.0.0.0:0"', "page.listen has port 0", "1 to 65535"),
    ('[page]\nlisten = "localhost:70000"', "page.listen has port 70000", "1 to 65535"),
]


@pytest.mark.parametrize(("text", "key", "right"), WRONG, ids=[text for text, _, _ in WRONG])
def test_a_wrong_value_is_refused_with_file_key_and_what_would_be_right(write, text, key, right):
    path = write(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and key in message and right in message
    assert "\n" not in message


def test_every_table_refuses_unknown_keys(write):
    for table in sorted({key.rpartition(".")[0] for key in keys_of(Config())}):
        with pytest.raises(ConfigError, match=f"unknown key {re.escape(table)}.wobble"):
            load_config(write(f"[{table}]\nwobble = 1"))


CLASHES = [
    (
        "[indicators.lamp]\nenabled = true\npin = 13",
        "indicators.lamp.pin",
        "indicators.seven_segment.segments[2]",
    ),
    (
        "[indicators.seven_segment]\nsegments = [5, 6, 13, 19, 26, 20, 5]",
        "indicators.seven_segment.segments[6]",
        "indicators.seven_segment.segments[0]",
    ),
    (
        "[indicators.row]\nenabled = true",
        "indicators.row.segments[0]",
        "indicators.seven_segment.segments[0]",
    ),
    (
        "[indicators.buzzer]\nenabled = true\n[indicators.lamp]\nenabled = true\npin = 16",
        "indicators.buzzer.pin",
        "indicators.lamp.pin",
    ),
]


@pytest.mark.parametrize(("text", "one", "other"), CLASHES)
def test_a_pin_used_twice_is_refused_with_both_its_keys(write, text, one, other):
    with pytest.raises(ConfigError) as error:
        load_config(write(text))
    message = str(error.value)
    assert one in message and other in message and re.search(r"both GPIO \d+;", message)


def test_pins_of_devices_that_are_off_clash_with_nothing(write):
    load_config(write("[indicators.lamp]\npin = 13"))
    load_config(write("[indicators.row]\nenabled = true\n[indicators.seven_segment]\nenabled = false"))


def test_settings_made_in_code_are_checked_for_clashes_too():
    with pytest.raises(ValueError, match="GPIO 7"):
        IndicatorSettings(lamp=LampSettings(enabled=True, pin=7), buzzer=BuzzerSettings(enabled=True, pin=7))
    with pytest.raises(ValueError, match="agree"):
        SteadySettings(agree=5, window=4)


@pytest.mark.parametrize(
    "listen", ["off", "0.0.0.0:8000", "localhost:80", "raspberrypi.local:65535", "[::]:8080"]
)
def test_listen_takes_off_or_host_and_port(write, listen):
    assert load_config(write(f'[page]\nlisten = "{listen}"')).page.listen == listen


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("[camera\n", "not valid TOML: .*line 1"),
        ("[camera]\nfps = 30\n[camera]", "not valid TOML: .*line 3"),
        ("a = " + "9" * 5000, "not valid TOML"),
        (b"\xff\xfe[\x00c\x00", "not UTF-8 text"),
        ("a = " + "[" * 100_000, "config.toml: "),
    ],
)
def test_what_is_not_toml_is_refused(write, content, wrong):
    with pytest.raises(ConfigError, match=wrong) as error:
        load_config(write(content))
    assert len(str(error.value)) < 500


def test_a_long_wrong_value_is_shown_in_short(write):
    with pytest.raises(ConfigError) as error:
        load_config(write(f'[camera]\nfps = "{"9" * 10_000}"'))
    assert len(str(error.value)) < 500


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in [tmp_path / "missing.toml", tmp_path]:
        with pytest.raises(ConfigError, match=re.escape(f"{path}: cannot be read")):
            load_config(path)


@settings(deadline=None)
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_no_content_does_anything_but_load_or_raise_a_config_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        load_config(path)
    except ConfigError as error:
        assert str(path) in str(error)


VALUES = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers().map(str),
    st.floats().map(str),
    st.just("[[1], {a = 2}]"),
    st.just('"text"'),
    st.just("12:30:00"),
)


@settings(deadline=None)
@given(key=st.sampled_from(sorted(keys_of(Config()))), value=VALUES)
def test_a_known_key_loads_or_its_table_is_named_whatever_its_value(tmp_path_factory, key, value):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(f"{key} = {value}")
    try:
        load_config(path)
    except ConfigError as error:
        assert key.rpartition(".")[0] in str(error)
