"""What README and docs say of wires, files, commands and messages is so."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance import cli
from appliance.config import SevenSegmentSettings
from training import cli as training_cli

REPOSITORY = Path(__file__).parent.parent
PROGRAMS = {"digit-appliance": cli.app, "digit-train": training_cli.app}
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]

HEADER = {5: 29, 6: 31, 13: 33, 19: 35, 26: 37, 20: 38, 21: 40}
"""The header's pin of each GPIO (Raspberry Pi documentation, "GPIO and the 40-pin header")."""


def test_the_wiring_table_and_the_drawing_are_the_default_configuration() -> None:
    table = re.findall(r"^\| ([a-g]) \| (\d+) \| (\d+) \| (\d+) \|$", PAGES[0].read_text(), re.MULTILINE)
    drawing = (REPOSITORY / "docs/wiring.svg").read_text()
    assert len(table) == 7
    for (segment, lead, gpio, pin), wired in zip(table, SevenSegmentSettings().segments, strict=True):
        assert int(gpio) == wired, segment
        assert int(pin) == HEADER[wired], segment
        assert f">GPIO {gpio} (pin {pin})<" in drawing
        assert f">{segment}, lead {lead}<" in drawing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_a_page_shows_are_there(page: Path) -> None:
    shown = re.compile(r"(?:^|`|bin/|sudo )(digit-(?:appliance|train)) ([a-z][^`\n#]*)", re.MULTILINE)
    for name, rest in shown.findall(page.read_text()):
        words = shlex.split(rest)
        command = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
        options = {word for word in words if word.startswith("--")}
        if command[0] != "weights":
            command = command[:1]
        result = CliRunner().invoke(
            PROGRAMS[name], [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}
        )
        assert result.exit_code == 0, f"{name} {rest}"
        assert {option for option in options if option not in result.output} == set(), f"{name} {rest}"
