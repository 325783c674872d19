"""Finds what ships with the package: the weights and the recorded frames."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_REPOSITORY = _PACKAGE.parent


def models() -> Path:
    """The folder with `digits.pt` and `digits.json`."""
    return _first(_PACKAGE / "models", _REPOSITORY / "models")


def frames() -> Path:
    """The folder of recorded frames with their `labels.csv`."""
    return _first(_PACKAGE / "frames", _REPOSITORY / "tests" / "frames")


def _first(installed: Path, checkout: Path) -> Path:
    return installed if installed.is_dir() else checkout
