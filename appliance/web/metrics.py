"""The service's health for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.health import Health, Spread
from appliance.machine import temperature

PREFIX = "digit_appliance"


def metrics(health: Health, corrections: Mapping[int | None, int], viewers: int) -> bytes:
    """All of it in the text format."""
    registry = CollectorRegistry()
    registry.register(_Now(health, corrections, viewers))
    return generate_latest(registry)


class _Now(Collector):
    def __init__(self, health: Health, corrections: Mapping[int | None, int], viewers: int) -> None:
        self._health, self._corrections, self._viewers = health, corrections, viewers

    def collect(self) -> Iterator[Metric]:
        health = self._health
        labels = {
            "version": health.version,
            "network": health.weights.network,
            "weights": health.weights.sha256,
        }
        yield InfoMetricFamily(PREFIX, "What runs.", labels)
        yield _counter("frames", "Frames that were read.", health.frames)
        yield _counter("skipped_frames", "Frames that a newer one overtook.", health.skipped)
        yield _gauge("frames_per_second", "Frames read a second.", health.fps)
        yield _gauge("confidence", "How sure the reading is.", health.confidence)
        yield _gauge("fault", "1 while there are no frames.", int(health.fault is not None))
        yield _gauge("start_time_seconds", "When the service started.", health.since)
        yield _gauge("viewers", "Who looks at the page.", self._viewers)
        yield _seconds("read", "What reading a frame takes.", health.read_ms)
        yield _seconds("light", "From a frame to the lit display.", health.light_ms)
        if (degrees := temperature()) is not None:
            yield _gauge("temperature_celsius", "The hottest part.", degrees)
        kept = GaugeMetricFamily(f"{PREFIX}_corrections", "Readings that were put right.", labels=["value"])
        for value, count in self._corrections.items():
            kept.add_metric(["none" if value is None else str(value)], count)
        yield kept


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, value)


def _seconds(name: str, text: str, spread: Spread | None) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}_seconds", text, labels=["quantile"])
    if spread is not None:
        family.add_metric(["0.5"], spread.median / 1000)
        family.add_metric(["0.99"], spread.p99 / 1000)
    return family
