"""What recorded frames show, as a person wrote it down: `labels.csv` in their folder."""

import csv
from pathlib import Path

from appliance.errors import FrameError

COLUMNS = ("file", "text", "kind")


def read_labels(folder: Path) -> dict[str, str]:
    """The number to be read in each frame, by file name; empty where there is nothing to read.

    Raises `FrameError` if the file is missing or is not `file,text,kind` with digits in `text`.
    """
    path = folder / "labels.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise FrameError(f"{path}: the first line must be {','.join(COLUMNS)}")
            return {row["file"]: _digits(row["text"], path, rows.line_num) for row in rows}
    except OSError as error:
        raise FrameError(
            f"{path}: cannot be read ({error.strerror}); it says what the frames show"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FrameError(f"{path}: not a table of {','.join(COLUMNS)} ({error})") from error


def _digits(text: str | None, path: Path, line: int) -> str:
    if text is None or not (text == "" or (text.isascii() and text.isdigit())):
        raise FrameError(f"{path}, line {line}: text is {text!r}; write the number to be read, or nothing")
    return text
