import pytest

from appliance.config import Config
from appliance.configurations import KEPT, UNWIRED, Configurations
from appliance.errors import ConfigError

GOOD = "[steady]\nagree = 3\n"
BROKEN = "[steady]\nagree = 0\n"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A configuration file that is not there yet."""
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path / "state"))
    return Configurations()


def keep(store, text):
    store.file.write_text(text)
    store.keep()


def test_the_systems_file_need_not_be_there_but_one_that_was_named_must(store, tmp_path):
    assert store.load() == Config()
    with pytest.raises(ConfigError, match="cannot be read"):
        Configurations(tmp_path / "other.toml").load()


def test_each_that_was_in_use_is_kept_once_and_of_many_the_last_ten(store):
    for agree in range(1, 7):
        for _ in range(2):
            keep(store, f"[steady]\nagree = {agree}\n")
    assert [store.text(name) for name in store.kept()] == [
        f"[steady]\nagree = {n}\n" for n in range(6, 0, -1)
    ]
    for hold in range(20):
        keep(store, f"[steady]\nhold = {hold}\n")
    assert len(store.kept()) == KEPT
    assert store.text(store.kept()[0]) == "[steady]\nhold = 19\n"


def test_what_is_broken_or_cannot_be_written_is_not_kept_and_stops_nothing(store, tmp_path, caplog):
    keep(store, BROKEN)
    assert store.kept() == []
    (tmp_path / "state").write_text("in the way")
    keep(store, GOOD)
    assert "not kept" in caplog.text


def test_where_nothing_good_is_known_no_pin_is_driven():
    assert list(UNWIRED.indicators.pins()) == []


def test_a_good_text_is_written_and_a_bad_one_is_not(store):
    store.write(GOOD, Config())
    assert store.file.read_text() == GOOD
    with pytest.raises(ConfigError, match=r"steady\.agree is 0"):
        store.write(BROKEN, Config())
    assert store.file.read_text() == GOOD


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('[camera]\nsource = "/home"', "camera.source"),
        ('[camera]\nsource = "webcam:/dev/sda"', "camera.source"),
        ('[reading]\nweights = "/etc/passwd"', "reading.weights"),
        ('[hooks.command]\nrun = ["/bin/sh"]', "hooks.command.run"),
        ('[hooks.webhook]\nurl = "http://evil.example"', "hooks.webhook.url"),
        ('[mqtt]\nhost = "evil.example"', "mqtt.host"),
        ('[mqtt]\npassword_file = "/etc/shadow"', "mqtt.password_file"),
    ],
)
def test_files_commands_and_servers_are_chosen_by_hand_only(store, line, key):
    with pytest.raises(ConfigError, match=rf"{key} names a file"):
        store.write(line, Config())
    assert not store.file.exists()


def test_what_was_chosen_by_hand_may_stay_and_cameras_may_change(store):
    by_hand = '[reading]\nweights = "/srv/digits.pt"\n'
    store.file.write_text(by_hand)
    store.write(by_hand + '[camera]\nsource = "webcam:2"\n', Config())
    store.file.write_text(BROKEN)
    store.write(by_hand, store_config := Config(reading=Config().reading.__class__(weights="/srv/digits.pt")))
    assert store.load() == store_config
    store.write("", store_config)  # back to those installed


def test_one_that_was_in_use_comes_back_by_its_name_only(store, tmp_path):
    keep(store, GOOD)
    keep(store, "")
    store.bring_back(store.kept()[1])
    assert store.file.read_text() == GOOD
    for name in ("20200101T000000", "../config", ""):
        with pytest.raises(ConfigError, match="no kept"):
            store.bring_back(name)


def test_a_file_that_cannot_be_written_is_named(store, tmp_path):
    store.file = tmp_path / "state" / "nowhere" / "config.toml"
    with pytest.raises(ConfigError, match="cannot be written"):
        store.write(GOOD, Config())


def test_a_file_of_another_encoding_can_be_looked_at(store):
    store.file.write_bytes(b"# caf\xe9\n")
    assert store.text() == "# caf\ufffd\n"
