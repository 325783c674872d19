"""The page in a real browser. Screenshots go to `build/screenshots/`, to be looked at."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from served import served, wait_until

from appliance.web import live

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
CHROME = next(filter(None, map(shutil.which, NAMES)), None) or (str(ON_A_MAC) if ON_A_MAC.exists() else None)
SHOTS = Path(__file__).parent.parent / "build" / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds until a test gives up

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROME is None, reason="there is no Chromium or Chrome to look at the page with"),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGIT_APPLIANCE_STATE", str(folder))
        patch.setattr(live, "PATIENCE", 60)  # however slow the machine is, no view goes without a frame
        with served(folder, "4", "70", fps=10) as appliance:
            yield appliance


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """One whose recording shows a single number: what a button is about stays so while it is pressed."""
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    with served(tmp_path, "70", fps=10) as appliance:
        yield appliance


@pytest.fixture(scope="module")
def chrome():
    with sync_playwright() as playwright:
        # Root may run it without its sandbox only; it looks at nothing but our own page.
        browser = playwright.chromium.launch(executable_path=CHROME, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(chrome, here):
    """Opens the page by its link; whatever the browser complains of fails the test."""
    opened, complaints = [], []

    def look(view="live", size=DESKTOP, scheme="light", link=None) -> Page:
        context = chrome.new_context(
            viewport=size, color_scheme=scheme, locale="en-GB", reduced_motion="reduce"
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None
        )
        page.goto((link or here.link) + f"#{view}")
        opened.append(context)
        return page

    expect.set_options(timeout=PATIENCE)
    yield look
    for context in opened:
        context.close()
    assert complaints == []
    for one in here.store.all():
        here.store.delete(one.id)


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def pixels(page: Page) -> str:
    return page.locator("#canvas").evaluate("canvas => canvas.toDataURL()")


def test_picture_and_reading_follow_the_recording(look):
    page = look()
    said = page.locator("#said")
    for text in ("4", "70", "4"):
        expect(said).to_have_text(f"Reads {text}")
        expect(page.locator("#overlay rect.read")).to_have_count(len(text))
    before = pixels(page)
    expect(said).to_have_text("Reads 70")
    page.wait_for_function("before => document.getElementById('canvas').toDataURL() !== before", arg=before)
    assert page.evaluate("document.getElementById('canvas').width") == 640
    expect(page.locator("#read .digit")).to_have_count(2)
    expect(page.locator("#read .digit").first.locator(".bars li.best")).to_have_text("7")
    expect(page.locator("#changes li b").first).to_have_text(re.compile("70|4"))


def test_the_token_does_not_stay_in_the_address_and_its_cookie_opens_the_page_again(look, here):
    page = look()
    expect(page).to_have_url(f"http://{here.address}/#live")
    page.goto(f"http://{here.address}/")
    expect(page.locator("#said")).to_have_text(re.compile("Reads"))
    assert page.evaluate("document.cookie") == ""


def test_with_a_wrong_token_nothing_is_seen(look, here):
    page = look(link=f"http://{here.address}/?token=wrong")
    assert "sudo digit-appliance url" in page.locator("body").inner_text()
    assert page.locator("canvas").count() == 0


def test_a_wrong_reading_is_put_right_with_two_clicks(look, alone):
    page = look(link=alone.link)
    expect(page.locator("#said")).to_have_text("Reads 70")
    expect(page.locator("#read .digit")).to_have_count(2)
    page.get_by_role("button", name=re.compile("wrong: 7")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This was read as 7. What is it?")
    shoot(page, "ask-desktop-light")
    dialog.get_by_role("button", name="1", exact=True).click()
    wait_until(lambda: alone.store.answered(), "the correction")
    (one,) = alone.store.answered()
    assert (one.read, one.value) == (7, 1)

    page.get_by_role("link", name="Corrections").click()
    item = page.locator("#list .kept")
    expect(item.locator(".what")).to_have_text("Read as 7, is 1")
    item.locator("select").select_option("not a digit")
    expect(item.locator(".what")).to_have_text("Read as 7, is not a digit")
    assert alone.store.answered()[0].value is None
    item.get_by_role("button", name="Delete").click()
    expect(page.locator("#no-corrections")).to_be_visible()
    assert alone.store.all() == []


def test_it_can_be_done_with_the_keyboard_alone_and_taken_back(look, here):
    page = look()
    expect(page.locator("#said")).to_have_text("Reads 4")
    page.get_by_role("button", name=re.compile("wrong: 4")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert here.store.all()[0].waits
    page.keyboard.press("Escape")
    wait_until(lambda: not here.store.all(), "the correction to be gone")
    page.locator("#read button").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("9")
    wait_until(lambda: here.store.answered(), "the correction")
    assert here.store.answered()[0].value == 9


def test_the_state_of_mqtt_is_there_where_there_is_mqtt(look, here):
    page = look()
    expect(page.locator("#source")).to_have_text(here.service.source)
    expect(page.locator("#broker")).to_be_hidden()
    here.page.monitor.mqtt = "no connection to broker:1883: Connection refused; trying again"
    expect(page.locator("#broker")).to_have_text(f"MQTT{here.page.monitor.mqtt}")
    here.page.monitor.mqtt = None
    expect(page.locator("#broker")).to_be_hidden()


def test_aiming_measures_where_the_paper_goes(look):
    page = look("aim")
    expect(page.locator("#advice")).to_have_text("Good: the page is sharp and well lit.")
    expect(page.locator("#overlay rect.paper")).to_have_count(1)
    assert page.locator("#sharpness").evaluate("meter => meter.value") > 0.5
    assert page.locator("#brightness-value").inner_text().endswith("%")


def test_a_setting_is_changed_and_a_mistake_named(look, here):
    before = here.configurations.text()
    page = look("setup")
    text = page.locator("#text")
    expect(text).to_have_value(before)
    text.fill(before.replace("agree = 2", "agree = 0"))
    page.get_by_role("button", name="Save and use").click()
    expect(page.locator("#saved")).to_contain_text("steady.agree is 0")
    text.fill(before.replace("agree = 2", "agree = 3"))
    page.get_by_role("button", name="Save and use").click()
    expect(page.locator("#saved")).to_have_text("Saved, and in use.")
    assert here.service.config.steady.agree == 3
    expect(page.locator("#kept li")).to_have_count(2)
    page.get_by_role("button", name="Bring it back").last.click()
    wait_until(lambda: here.service.config.steady.agree == 2, "the configuration of before")


def test_it_comes_back_by_itself_when_the_connection_was_lost(look, here):
    page = look()
    expect(page.locator("#said")).to_have_text(re.compile("Reads"))
    frame = page.locator("#canvas")
    expect(frame).to_have_attribute("data-frame", re.compile(r"\d"))
    before = int(frame.get_attribute("data-frame"))
    address = here.page._address
    here.page._address = None
    here.page._moved.set()
    here.page._server.stop()
    expect(page.locator("#banner")).to_contain_text("trying again")
    here.page._address = address
    here.page._moved.set()
    wait_until(lambda: int(frame.get_attribute("data-frame")) > before + 3, "the picture to go on")
    expect(page.locator("#banner")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_every_view_fits_its_screen(look, here, device, size, scheme):
    """Nothing hangs over the edge; the pictures are there to be looked at."""
    for view in ("live", "aim", "corrections", "setup"):
        page = look(view, size, scheme)
        expect(page.locator("nav [aria-current]")).to_have_count(1)
        if view in ("live", "aim"):
            expect(page.locator("#overlay rect.read")).not_to_have_count(0)
        shoot(page, f"{view}-{device}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], view


def test_everything_that_can_be_used_has_a_name_for_those_who_do_not_see_it(look):
    for view in ("live", "aim", "corrections", "setup"):
        page = look(view)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('a, button, select, textarea, meter, canvas')]
                .filter(one => one.checkVisibility())
                .filter(one => !(one.ariaLabel || one.getAttribute("alt") || one.textContent.trim()
                                 || one.labels?.length)).map(one => one.outerHTML)"""
        )
        assert json.dumps(nameless) == "[]"
