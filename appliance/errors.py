"""What can go wrong, as one small tree. Every message is one line: what, where, what to do."""


class ApplianceError(Exception):
    """The root: the command line prints its message and exits with status 1."""


class CameraError(ApplianceError, OSError):
    """The camera or recording cannot be opened or has failed; opening it again may help."""


class CameraStalledError(CameraError, TimeoutError):
    """No frame came within the time allowed."""


class SourceEndedError(CameraError, EOFError):
    """A recording has no more frames; a live camera never raises this."""


class FrameError(ApplianceError, ValueError):
    """One picture cannot be read (not an image, truncated, absurd size); the next one may be fine."""


class ConfigError(ApplianceError, ValueError):
    """The configuration names an unknown key, a wrong type, an impossible value or clashing pins."""


class PinError(ApplianceError, ValueError):
    """A pin does not exist, is used twice, or cannot be driven."""


class EngineError(ApplianceError, ImportError):
    """What is to run or export the network is not installed on this machine."""


class WeightsError(ApplianceError, ValueError):
    """Weights or their card are missing, truncated, hostile, or do not fit each other."""


class CorrectionError(ApplianceError, OSError):
    """A correction cannot be kept or changed."""


class NoCorrectionError(CorrectionError, LookupError):
    """There is no correction of that name, or nothing in that place of a frame."""
