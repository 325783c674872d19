"""The page beside the service: where it is, and that it is there when something is wrong."""

import socket

import httpx
import pytest
from drawn import save_frames, save_weights
from running import Running
from served import configure, free_port, served, wait_until

from appliance.web import page
from appliance.web.access import read_token

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))


def answers(address, token):
    try:
        return (
            httpx.get(f"http://{address}/api/health", params={"token": token}, timeout=60).status_code == 200
        )
    except httpx.TransportError:
        return False


def test_a_taken_address_is_said_once_and_tried_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(page, "TRY_AGAIN", 0.05)
    with served(tmp_path, "4") as appliance, socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()[:2]
        appliance.page._listen = None
        moved = page.PageSettings(f"{host}:{port}")
        appliance.page.follow(page.Config(page=moved))
        wait_until(lambda: "cannot be served" in (appliance.page.monitor.page or ""), "the problem")
        assert not answers(appliance.address, appliance.token)  # it has left where it was
        taken.close()
        wait_until(lambda: answers(f"{host}:{port}", appliance.token), "the page to come")
        assert sum("cannot be served" in line for line in caplog.messages) == 1
        appliance.page.follow(page.Config(page=page.PageSettings("off")))
        wait_until(lambda: appliance.page.monitor.page is None, "the page to go")
        assert not answers(f"{host}:{port}", appliance.token)


def test_as_a_service_it_comes_up_with_a_broken_file_which_the_page_mends(tmp_path):
    save_weights(tmp_path / "digits.pt")
    frames = save_frames(tmp_path / "frames", "4")
    good = configure(tmp_path)
    (tmp_path / "config.toml").write_text("[steady]\nagree = 0\n")
    address = f"127.0.0.1:{free_port()}"
    command = ["-m", "appliance", "run", "--pins", "mock", "--loop", "--fps", "10", "--listen", address]
    with Running(tmp_path, *command, "--source", str(frames)) as running:
        running.wait_for("steady.agree is 0")
        running.wait_for("the page is at")
        with httpx.Client(
            base_url=f"http://{address}", headers={"Authorization": f"Bearer {read_token()}"}, timeout=60
        ) as owner:
            wait_until(lambda: answers(address, read_token()), "the page")
            broken = owner.get("/api/configuration").json()
            assert "steady.agree is 0" in broken["refused"]
            assert broken["text"] == "[steady]\nagree = 0\n"
            # Weights are chosen by hand, so the file gets what is left.
            kept = "\n".join(line for line in good.splitlines() if "weights" not in line)
            mended = owner.put("/api/configuration", json={"text": kept}).json()
            assert mended["refused"] is None
            assert (tmp_path / "config.toml").read_text() == kept
        running.process.terminate()
        assert running.end() == 0


def test_where_it_is_off_nothing_of_it_is_imported(tmp_path):
    save_weights(tmp_path / "digits.pt")
    (tmp_path / "config.toml").write_text(configure(tmp_path, '[page]\nlisten = "off"\n'))
    frames = save_frames(tmp_path / "frames", "4")
    code = f"""
import sys
from appliance.cli import command_line
sys.argv[1:] = ["run", "--pins", "mock", "--source", {str(frames)!r}]
command_line()
known = {{name.partition(".")[0] for name in sys.modules}}
print("imported", sorted(known & {{"starlette", "uvicorn", "segno"}}), file=sys.stderr)
"""
    with Running(tmp_path, "-c", code) as running:
        assert running.wait_for("imported") == "imported []"
