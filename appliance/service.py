"""The appliance at work: camera → vision → network → steadying → indicators, frame after frame."""

import logging
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from gpiozero import Factory

from appliance.cameras import Camera, CameraHungError, open_camera
from appliance.cameras.liveness import Darkness
from appliance.cameras.watched import watched
from appliance.config import Config
from appliance.errors import ApplianceError, CameraError, ConfigError, PinError, WeightsError
from appliance.frame import Frame
from appliance.indicators import SIGN_LASTS, Indicators, Sign, open_indicators
from appliance.lastgood import keep
from appliance.reader import Reader, Reading
from appliance.signals import Requests
from appliance.steady import Stable, Steadier
from appliance.systemd import Systemd
from appliance.weights import candidates, new_reader, open_reader

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """One processed frame and what came of it."""

    frame: Frame
    """Its pixels are valid only until the observer returns."""
    reading: Reading
    stable: Stable
    milliseconds: float
    """What reading the frame took."""
    frames: int
    """How many frames were processed since the start, this one included."""
    skipped: int
    """How many the camera gave meanwhile that were not looked at, for a newer one had come."""
    lit_ns: int = 0
    """When the indicators showed it, on the clock of `frame.time_ns`."""


Observer = Callable[[Moment], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to run."""

    configuration: Callable[[], Config]
    """Called at the start and at every reload."""
    pin_factory: Factory | None = None
    source: str = ""
    """Takes the place of the configured source, if given."""
    loop: bool = False
    fps: float | None = None
    fallback: Config | None = None
    """What to start with if the configuration cannot be used: the last one that could."""


class Service:
    """The loop and its parts; a reload replaces those that the new configuration changes.

    Other threads may look at what has no underscore.
    """

    fault: CameraError | None = None
    """Why there are no frames; None while there are."""
    refused: str | None = None
    """Why the configuration in its file is not the one in use; None if it is."""
    reloads = 0
    """How many reloads there were, those refused included."""
    config: Config
    """The one in use; there once the service is `at_work`."""
    reader: Reader
    """There once the service is `at_work`."""
    _steadier: Steadier
    _indicators: Indicators
    _camera: Generator[Frame | CameraError | None, None, None]
    _sequence: int | None = None
    _faulty = False
    _frames = _skipped = 0

    def __init__(self, options: Options, requests: Requests, observers: Sequence[Observer] = ()) -> None:
        """Touches nothing yet. `observers` are called with every moment, in the loop's own thread."""
        self._options = options
        self._requests = requests
        self._observers = [*observers]
        self._followers: list[Callable[[Config], None]] = []
        self._systemd = Systemd()
        self._darkness = Darkness()

    @property
    def at_work(self) -> bool:
        """Whether everything has been opened that reading needs."""
        return hasattr(self, "_indicators")

    @property
    def source(self) -> str:
        """Where frames come from, as it was given or configured."""
        return self._options.source or self.config.camera.source

    def observe(self, observer: Observer) -> None:
        """Has one more observer called with every moment; before `run`."""
        self._observers.append(observer)

    def follow(self, follower: Callable[[Config], None]) -> None:
        """Has `follower` called with every configuration that comes into use, in the loop's own thread."""
        self._followers.append(follower)

    def run(self) -> None:
        """Runs until it is asked to stop, or a recording is over. Then the pins are off, the camera closed.

        Raises `ApplianceError` if the configuration, the weights or the pins are wrong at the start. Ends
        the process if the camera's driver hangs, which only a new process can cure.
        """
        try:
            with ExitStack() as parts:
                self._start(parts)
                self._loop()
                self._systemd.stopping()
        except CameraHungError as error:
            log.critical("%s", error)
            logging.shutdown()
            os._exit(1)

    def _start(self, parts: ExitStack) -> None:
        parts.enter_context(self._requests.from_signals(self._pins_off))
        self.config, mistaken = self._first_configuration()
        self.reader = self._first_reader()
        self._steadier = Steadier(self.config.steady)
        self._camera = self._watch_camera(self._systemd.listens)
        parts.callback(lambda: self._camera.close())
        self._indicators = open_indicators(self.config.indicators, self._options.pin_factory)
        parts.callback(self._pins_off)  # before the camera, which may take its time to close
        if mistaken:
            self._indicators.show_sign(Sign.FILE, SIGN_LASTS)
        elif self.reader.weights != candidates(self.config.reading)[0]:
            self._indicators.show_sign(Sign.WEIGHTS, SIGN_LASTS)
        self._requests.take_signals()
        self._systemd.ready()
        self._keep()
        self._let_followers_know()

    def _first_configuration(self) -> tuple[Config, bool]:
        """What to start with, and whether the file has a mistake."""
        try:
            return self._options.configuration(), False
        except ConfigError as error:
            if self._options.fallback is None:
                raise
            log.error("%s; going on with the settings that worked last", error)
            self.refused = str(error)
            return self._options.fallback, True

    def _first_reader(self) -> Reader:
        try:
            return open_reader(self.config.reading)
        except WeightsError:
            if self._systemd.listens:  # which starts it again and again, so the sign is there until it works
                with open_indicators(self.config.indicators, self._options.pin_factory) as indicators:
                    indicators.show_sign(Sign.WEIGHTS)
                    self._requests.wait(SIGN_LASTS)
            raise

    def _keep(self) -> None:
        if self._systemd.listens:
            keep(self.config)

    def _loop(self) -> None:
        while not self._requests.stop:
            for frame in self._camera:
                if isinstance(frame, Frame):
                    self._process(frame)
                elif isinstance(frame, CameraError):
                    self._show_fault(frame)
                if self._requests.stop or (self._requests.reload and self._reload()):
                    break
            else:
                return

    def _process(self, frame: Frame) -> None:
        started = time.perf_counter()
        reading = self.reader.read(frame)
        milliseconds = 1000 * (time.perf_counter() - started)
        stable = self._steadier.update(reading, frame.time_ns)
        self._look_for_darkness(frame)
        self._indicators.show(stable)
        lit_ns = time.monotonic_ns()
        self.fault = None
        if stable.changed or self._faulty or not self._frames:
            self._tell(stable)
        self._count(frame)
        moment = Moment(frame, reading, stable, milliseconds, self._frames, self._skipped, lit_ns)
        self._show_observers(moment)
        self._systemd.feed_watchdog()

    def _show_observers(self, moment: Moment) -> None:
        for observer in tuple(self._observers):
            try:
                observer(moment)
            except Exception:  # whatever is wrong with it, the display is not
                log.exception("%s is broken, and left out from now on", type(observer).__name__)
                self._observers.remove(observer)

    def _look_for_darkness(self, frame: Frame) -> None:
        if self._darkness.look(frame):
            if self._darkness.dark:
                log.warning("the pictures are black: is a cover on the lens, or the room dark?")
                self._indicators.show_sign(Sign.DARK, SIGN_LASTS)
            else:
                log.info("there is light again")

    def _tell(self, stable: Stable) -> None:
        line = f"reads {stable.text} ({stable.confidence:.2f})" if stable.text else "reads nothing"
        self._systemd.status(line)
        if stable.changed:
            log.info("%s", line)
        self._faulty = False

    def _count(self, frame: Frame) -> None:
        self._frames += 1
        if self._sequence is not None:
            self._skipped += frame.sequence - self._sequence - 1
        self._sequence = frame.sequence

    def _show_fault(self, fault: CameraError) -> None:
        self.fault = fault
        if not self._faulty:
            self._faulty = True
            self._sequence = None
            self._indicators.show_sign(Sign.CAMERA)
            self._systemd.status(str(fault))

    def _reload(self) -> bool:
        """Takes over the new configuration and weights; if any of it is bad, everything stays as it was.

        Gives whether there is a new camera to be watched.
        """
        self._requests.reload = False
        self._systemd.reloading()
        try:
            config = self._options.configuration()
            reader = new_reader(config.reading)
            self._rewire(config)
        except ApplianceError as error:
            log.error("not reloaded, going on as before: %s", error)
            self._indicators.show_sign(_sign_of(error), SIGN_LASTS)
            self.refused = str(error)
            self.reloads += 1
            return False
        finally:
            self._systemd.ready()
        old, self.config = self.config, config
        self.reader = reader
        self._steadier.settings = config.steady
        self._keep()
        self.refused = None
        log.info("reloaded")
        self._let_followers_know()
        self.reloads += 1  # last, so that whoever sees it sees the rest
        if config.camera == old.camera:
            return False
        self._camera.close()
        self._camera = self._watch_camera(patient=True)
        self._sequence = None
        return True

    def _let_followers_know(self) -> None:
        for follower in self._followers:
            follower(self.config)

    def _rewire(self, config: Config) -> None:
        """Takes other pins, if they are others; those in use go on showing what they show."""
        if config.indicators == self.config.indicators:
            return
        self._indicators.close()
        try:
            self._indicators = open_indicators(config.indicators, self._options.pin_factory)
        except ApplianceError:
            self._indicators = open_indicators(self.config.indicators, self._options.pin_factory)
            raise
        finally:
            self._faulty = False

    def _watch_camera(self, patient: bool) -> Generator[Frame | CameraError | None, None, None]:
        settings, options = self.config.camera, self._options
        source = self.source
        stalled_after = max(settings.timeout, 2 / options.fps) if options.fps else settings.timeout

        def open_it() -> Camera:
            return open_camera(source, settings, loop=options.loop, fps=options.fps)

        return watched(open_it, stalled_after, patient=patient)

    def _pins_off(self) -> None:
        if hasattr(self, "_indicators"):
            self._indicators.close()


def _sign_of(error: ApplianceError) -> Sign:
    if isinstance(error, WeightsError):
        return Sign.WEIGHTS
    return Sign.PINS if isinstance(error, PinError) else Sign.FILE
