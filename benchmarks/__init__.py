"""Measures of the appliance and of training; `python -m benchmarks.NAME`, or the file itself, prints one."""

import sys
from pathlib import Path

# Of a file that is run, the folder comes first: its training.py would hide the package of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
