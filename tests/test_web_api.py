"""The page's API, asked over real connections."""

import csv
import io
import itertools
import json
import tarfile
import threading

import cv2
import msgspec
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from served import served, wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from appliance.web import guard, live
from appliance.web.guard import LARGEST
from appliance.web.messages import Live

pytestmark = pytest.mark.timeout(600)  # on a machine that has much else to do, starting takes its time


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGIT_APPLIANCE_STATE", str(folder))
        patch.setattr(live, "PATIENCE", 60)  # however slow the machine is, no view goes without a frame
        with served(folder, "4", "", "70") as appliance:
            yield appliance


@pytest.fixture
def owner(here):
    with here.client() as client:
        yield client
        for one in here.store.all():
            here.store.delete(one.id)


@pytest.fixture
def stranger(here):
    with here.client(headers={}) as client:
        yield client


@pytest.fixture(autouse=True)
def patient_with_strangers(here, monkeypatch):
    """Each test begins with an allowance of its own."""
    monkeypatch.setattr(guard.Allowance, "allows", lambda self, client: True)


def see(owner, text):
    """The first view from now on in which the frame itself shows a text."""
    with owner.stream("GET", "/api/stream") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen = msgspec.json.decode(line.removeprefix("data: "), type=Live)
                if seen.frame and "".join(str(digit.value) for digit in seen.digits) == text:
                    return seen
    raise AssertionError("the stream ended")


# --- What is seen ---------------------------------------------------------------------------------


def test_a_reading_tells_each_digit_with_its_crop_and_probabilities(owner):
    seen = see(owner, "70")
    assert [digit.value for digit in seen.digits] == [7, 0]
    for digit in seen.digits:
        assert len(digit.crop) == 784
        assert np.frombuffer(digit.crop, np.uint8).max() > 200
        assert len(digit.probabilities) == 10
        assert np.argmax(digit.probabilities) == digit.value
        assert digit.box[0] >= 0 and digit.box[0] + digit.box[2] <= seen.size[0] == 640
    assert seen.health.weights.network == "workshop-linear"


def test_the_reading_now_is_one_such_view(owner):
    answer = owner.get("/api/reading")
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.content, type=Live).fault is None


def test_the_picture_is_what_the_camera_sees(owner, here):
    image = cv2.imdecode(np.frombuffer(owner.get("/api/picture").content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image.shape == (480, 640)
    assert image[0, 0] > 220  # paper


def test_the_socket_brings_text_and_picture_in_turn(here):
    headers = {"Authorization": f"Bearer {here.token}"}
    with connect(f"ws://{here.address}/api/live?aim=1", additional_headers=headers) as socket:
        frames = []
        for _ in range(3):
            seen = msgspec.json.decode(socket.recv(timeout=30), type=Live)
            frames.append(seen.frame)
            assert socket.recv(timeout=30).startswith(b"\xff\xd8")
        assert frames == sorted(set(frames))
        assert seen.aim is not None
        assert seen.aim.brightness > 0.8


def test_pictures_are_made_only_while_somebody_looks(here, owner, monkeypatch):
    made = []
    real = live._jpeg
    monkeypatch.setattr(live, "_jpeg", lambda gray: made.append(1) or real(gray))
    see(owner, "4")  # somebody who wants no pictures
    assert made == []
    owner.get("/api/picture")
    assert made
    wait_until(lambda: not here.page._wish, "the last view")
    before, frames = len(made), here.page.monitor.health().frames
    wait_until(lambda: here.page.monitor.health().frames > frames + 20, "more frames")
    assert len(made) == before


def test_health_is_what_every_part_of_the_appliance_tells(owner, here):
    health = owner.get("/api/health").json()
    assert health["fps"] > 0
    assert health["weights"]["sha256"] == here.service.reader.card.sha256
    assert health["page"] == f"http://{here.address}/"


def test_prometheus_can_read_the_metrics(owner, here):
    answer = owner.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["digit_appliance_frames"].samples[0].value > 0
    values = [sample.labels["value"] for sample in families["digit_appliance_corrections"].samples]
    assert values == [*map(str, range(10)), "none"]


def test_the_history_goes_on_with_every_change_and_is_a_table_too(owner):
    see(owner, "70")
    see(owner, "4")
    history = owner.get("/api/history").json()
    assert {"4", "70", ""} >= {change["text"] for change in history} >= {"70"}
    assert history == sorted(history, key=lambda change: change["time"])
    table = owner.get("/api/history.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["text"] for row in rows][: len(history)] == [change["text"] for change in history]
    assert table.headers["content-type"].startswith("text/csv")


# --- Putting right --------------------------------------------------------------------------------


def test_a_wrong_digit_is_kept_as_it_was_seen_and_answered_later(owner, here):
    seen = see(owner, "70")
    answer = owner.post("/api/corrections", json={"frame": seen.frame, "place": 1})
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["waits"], kept["read"]) == (True, 0)
    listed = owner.get("/api/corrections").json()
    assert (listed["waiting"], sum(listed["counts"])) == (1, 0)

    assert owner.put(f"/api/corrections/{kept['id']}", json={"value": 6}).json()["value"] == 6
    (one,) = here.store.answered()
    assert (one.value, one.read, one.box) == (6, 0, seen.digits[1].box)
    assert one.weights == here.service.reader.card.sha256
    crop = cv2.imread(str(here.store.folder / one.id / "crop.png"), cv2.IMREAD_UNCHANGED)
    assert crop.tobytes() == seen.digits[1].crop
    assert owner.get("/api/corrections").json()["counts"] == [0] * 6 + [1] + [0] * 4

    assert owner.get(f"/api/corrections/{one.id}/crop.png").content.startswith(b"\x89PNG")
    assert owner.get(f"/api/corrections/{one.id}/frame.jpg").content.startswith(b"\xff\xd8")
    with tarfile.open(fileobj=io.BytesIO(owner.get("/api/corrections.tar").content)) as archive:
        assert f"{one.id}/correction.json" in archive.getnames()
    assert owner.delete(f"/api/corrections/{one.id}").status_code == 204
    assert here.store.all() == []


def test_no_digit_is_an_answer_too(owner, here):
    seen = see(owner, "4")
    owner.post("/api/corrections", json={"frame": seen.frame, "place": 0, "value": None})
    assert [one.value for one in here.store.answered()] == [None]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"frame": 1 << 50, "place": 0}, 409),
        ({"frame": "newest", "place": 90}, 404),
        ({"frame": "newest", "place": -1}, 422),
        ({"frame": "newest", "place": 0, "value": 10}, 422),
        ({"frame": "newest", "place": 0, "value": "7"}, 422),
        ({"frame": "newest", "place": 0, "and": 1}, 422),
        ({"place": 0}, 422),
        ([], 422),
    ],
)
def test_what_cannot_be_kept_is_said_and_nothing_is_kept(owner, here, body, status):
    if isinstance(body, dict) and body.get("frame") == "newest":
        body = body | {"frame": see(owner, "4").frame}
    answer = owner.post("/api/corrections", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert here.store.all() == []


def test_a_full_store_says_so(owner, here, monkeypatch):
    monkeypatch.setattr(here.store, "settings", msgspec.structs.replace(here.store.settings, most=1))
    seen = see(owner, "4")
    new = {"frame": seen.frame, "place": 0, "value": 7}
    assert owner.post("/api/corrections", json=new).status_code == 201
    full = owner.post("/api/corrections", json=new)
    assert full.status_code == 507
    assert "corrections.most" in full.json()["error"]


@pytest.mark.parametrize("id", ["%2e%2e", "..%2f..%2fconfig.toml", "20261125T031500-00000000", "%00"])
def test_no_id_reaches_another_file(owner, id):
    for answer in (
        owner.get(f"/api/corrections/{id}/crop.png"),
        owner.put(f"/api/corrections/{id}", json={"value": 1}),
        owner.delete(f"/api/corrections/{id}"),
        owner.get(f"/api/configuration/kept/{id}"),
    ):
        assert answer.status_code in (404, 405)
        assert b"[camera]" not in answer.content


# --- Setting up -----------------------------------------------------------------------------------


@pytest.fixture
def setup(here, owner):
    """The file as it was, and so again afterwards."""
    before = here.configurations.text()
    yield before
    assert owner.put("/api/configuration", json={"text": before}).json()["refused"] is None


def in_use(answer):
    return {setting["key"]: setting["value"] for setting in answer.json()["in_use"]}


def test_a_change_is_written_and_taken_over_and_kept(owner, here, setup):
    changed = setup.replace("agree = 2", "agree = 3")
    answer = owner.put("/api/configuration", json={"text": changed})
    assert (answer.status_code, answer.json()["refused"]) == (200, None)
    assert in_use(answer)["steady.agree"] == "3"
    assert here.service.config.steady.agree == 3
    assert here.configurations.file.read_text() == changed
    name = answer.json()["kept"][0]
    assert owner.get(f"/api/configuration/kept/{name}").json() == {"name": name, "text": changed}


def test_what_is_shown_is_what_the_command_line_made_of_it(owner, here):
    shown = in_use(owner.get("/api/configuration"))
    assert shown["page.listen"] == json.dumps(here.address)
    assert shown["camera.source"] == json.dumps(here.service.source)


def test_a_mistake_is_named_and_changes_nothing(owner, here, setup):
    answer = owner.put("/api/configuration", json={"text": setup.replace("agree = 2", "agree = 0")})
    assert answer.status_code == 422
    assert "steady.agree is 0" in answer.json()["error"]
    assert here.configurations.text() == setup


def test_a_file_broken_by_hand_is_told_of_and_mended_while_reading_goes_on(owner, here, setup):
    here.configurations.file.write_text("[steady]\nagree = ")
    before, frames = here.service.reloads, here.page.monitor.health().frames
    here.page.requests.reload = True
    wait_until(lambda: here.service.reloads > before, "the reload")
    broken = owner.get("/api/configuration").json()
    assert "not valid TOML" in broken["refused"]
    assert broken["text"] == "[steady]\nagree = "
    wait_until(lambda: here.page.monitor.health().frames > frames + 5, "more frames")
    mended = owner.post(f"/api/configuration/kept/{broken['kept'][0]}")
    assert mended.json()["refused"] is None
    assert mended.json()["text"] == setup


def test_what_pins_cannot_do_is_saved_and_said(owner, here, setup):
    wrong = (
        setup + "[indicators.buzzer]\nenabled = true\npin = 27\n[indicators.lamp]\nenabled = true\npin = 27\n"
    )
    answer = owner.put("/api/configuration", json={"text": wrong})
    assert answer.status_code == 422
    assert "both GPIO 27" in answer.json()["error"]


@pytest.mark.parametrize(
    "line",
    ['[camera]\nsource = "/etc"', '[reading]\nweights = "/etc/shadow"'],
)
def test_the_page_chooses_no_files(owner, here, setup, line):
    answer = owner.put("/api/configuration", json={"text": line})
    assert answer.status_code == 422
    assert "names a file, command or server" in answer.json()["error"]
    assert here.configurations.text() == setup


def test_a_kept_configuration_that_never_was_cannot_be_brought_back(owner):
    assert owner.post("/api/configuration/kept/20200101T000000").status_code == 404


# --- Who may come in ------------------------------------------------------------------------------

PATHS = ["/", "/page.js", "/icon.svg", "/api/reading", "/api/picture", "/api/stream", "/metrics", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "shown", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "digit-appliance=wrong"}]
)
def test_without_the_token_nothing_is_seen(stranger, path, shown):
    answer = stranger.get(path, headers=shown)
    assert answer.status_code == 401
    assert "digit-appliance url" in answer.text
    assert "set-cookie" not in answer.headers


def test_with_a_wrong_link_nothing_is_seen_either(stranger, here):
    for wrong in ("", "wrong", here.token[:-1], here.token + "x", "\xe9"):
        assert stranger.get("/", params={"token": wrong}).status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{here.address}/api/live?token=wrong").close()
    assert refused.value.response.status_code == 403


def test_the_link_leaves_a_cookie_that_scripts_and_other_pages_do_not_get(here):
    with here.client(headers={}) as browser:
        answer = browser.get(here.link)
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert browser.get("/api/health").status_code == 200


def test_every_answer_forbids_what_the_page_does_not_need(owner, stranger):
    for answer in (owner.get("/"), stranger.get("/"), owner.get("/api/health"), owner.get("/nowhere")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("by", "origin", "status"),
    [
        ("cookie", None, 403),
        ("cookie", "http://evil.example", 403),
        ("cookie", "null", 403),
        ("cookie", "own", 409),
        ("bearer", None, 409),
        ("bearer", "http://evil.example", 403),
    ],
)
def test_writes_come_from_this_page_or_from_no_browser(here, by, origin, status):
    shown = (
        {"cookie": f"digit-appliance={here.token}"}
        if by == "cookie"
        else {"authorization": f"Bearer {here.token}"}
    )
    if origin:
        shown["origin"] = f"http://{here.address}" if origin == "own" else origin
    with here.client(headers=shown) as client:
        assert client.post("/api/corrections", json={"frame": 1 << 50, "place": 0}).status_code == status


def test_a_socket_from_another_page_is_refused(here):
    cookie = {"Cookie": f"digit-appliance={here.token}"}
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://{here.address}/api/live", additional_headers=cookie, origin="http://evil.example"
        ).close()
    assert refused.value.response.status_code == 403
    own = f"http://{here.address}"
    with connect(f"ws://{here.address}/api/live", additional_headers=cookie, origin=own) as socket:
        assert socket.recv(timeout=30)


def test_long_bodies_are_refused_whatever_they_say_of_themselves(owner, here):
    text = "#" * (LARGEST + 1)
    assert owner.put("/api/configuration", content=text).status_code == 413

    def dripping():
        for _ in range(LARGEST // 1000 + 2):
            yield b"#" * 1000

    assert owner.put("/api/configuration", content=dripping()).status_code == 413


def test_what_is_not_json_is_said_to_be_so(owner):
    assert owner.put("/api/configuration", content=b"{").status_code == 400
    assert owner.put("/api/configuration", content=b'{"text": "\xff"}').status_code == 400


def test_many_look_at_once_and_see_the_same(here):
    seen, lock = [], threading.Lock()

    def look():
        with connect(f"ws://{here.address}/api/live?token={here.token}") as socket:
            told = (message for message in iter(lambda: socket.recv(timeout=60), None))
            words = (json.loads(message) for message in told if isinstance(message, str))
            frames = [view["frame"] for view in itertools.islice(words, 6)]
        with lock:
            seen.append(frames)

    threads = [threading.Thread(target=look) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 12
    assert all(frames == sorted(set(frames)) for frames in seen)


def test_more_viewers_than_there_is_room_for_are_told_to_come_again(here, monkeypatch):
    from appliance.web import api

    monkeypatch.setattr(api, "MOST", 0)
    with pytest.raises(InvalidStatus):
        connect(f"ws://{here.address}/api/live?token={here.token}").close()


def test_a_lost_camera_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    monkeypatch.setattr(live, "PATIENCE", 0.1)
    with served(tmp_path, "4", more="") as appliance, appliance.client() as owner:
        see(owner, "4")
        monkeypatch.setattr(appliance.page, "wish", lambda wish: None)
        with owner.stream("GET", "/api/stream") as stream:
            views = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            away = next(view for view in views if view["frame"] == 0)
        assert away["fault"] == "waiting for a picture"
        assert owner.get("/api/picture").status_code == 503
