import io

import pytest
from rich.console import Console

from training.errors import DataError
from training.many import read_hosts, with_each
from training.remote import Host, RemoteError


def test_hosts_are_a_line_each_once_and_the_rest_of_a_line_is_for_people(tmp_path):
    (tmp_path / "hosts.txt").write_text("# the classroom\npi@one   # Ada\n\n  two\npi@one\n")
    assert read_hosts(tmp_path / "hosts.txt") == ["pi@one", "two"]


def test_a_file_that_names_no_hosts_is_refused(tmp_path):
    (tmp_path / "hosts.txt").write_text("# nobody\n")
    with pytest.raises(DataError, match="names no hosts; write one a line"):
        read_hosts(tmp_path / "hosts.txt")
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read"):
        read_hosts(tmp_path / "gone.txt")


def test_one_that_fails_stops_none_of_the_others_and_the_table_says_which():
    def do(host):
        if host.name == "two":
            raise RemoteError("two: it is [broken]")
        return f"done with {host.name}"

    shown = io.StringIO()
    hosts = [Host(name) for name in ("one", "two", "three")]
    assert not with_each(hosts, do, Console(file=shown, width=80))
    rows = [line.strip("│ ").split("│") for line in shown.getvalue().splitlines() if line.startswith("│")]
    told = [[cell.strip() for cell in row[:3]] for row in rows]
    assert told == [
        ["ok", "one", "done with one"],
        ["fail", "two", "it is [broken]"],
        ["ok", "three", "done with three"],
    ]
    assert "2 of 3 went well" in shown.getvalue()
    assert with_each(hosts[:1], do, Console(file=shown))
