import pytest

from appliance.errors import ApplianceError
from appliance.web.access import links, make_token, read_token, token_file


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    return tmp_path


def test_the_token_is_made_once_long_and_for_the_owner_alone():
    token, kept = make_token()
    assert kept
    assert len(token) >= 32
    assert make_token() == (token, True)
    assert read_token() == token
    assert token_file().stat().st_mode & 0o777 == 0o600


def test_two_appliances_have_different_ones(state, monkeypatch):
    one, _ = make_token()
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(state / ".."))
    token_file().unlink(missing_ok=True)
    assert make_token()[0] != one
    token_file().unlink()


def test_where_it_cannot_be_kept_it_is_good_for_this_run(monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", "/proc/nowhere")
    token, kept = make_token()
    assert len(token) >= 32
    assert not kept


def test_before_the_first_start_it_is_said_who_makes_it():
    with pytest.raises(ApplianceError, match="makes it at its first start"):
        read_token()


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_what_is_no_token_is_never_taken_for_one(content, caplog):
    token_file().write_bytes(content)
    with pytest.raises(ApplianceError, match="holds no token"):
        read_token()
    token, kept = make_token()
    assert len(token) >= 32
    assert not kept


def test_links_lead_where_the_page_is():
    assert links(("127.0.0.1", 8000), "abc") == ["http://127.0.0.1:8000/?token=abc"]
    assert links(("::1", 80), "abc") == ["http://[::1]:80/?token=abc"]
    assert links(("pi.example", 80), "abc") == ["http://pi.example:80/?token=abc"]
    *numbers, name = links(("0.0.0.0", 8000), "abc")
    assert name.endswith(".local:8000/?token=abc")
    assert not any("0.0.0.0" in link for link in numbers)
