"""The digit appliance: reads handwritten digits through a camera and shows them on real hardware."""

from importlib.metadata import version

__version__ = version("digit-appliance")
