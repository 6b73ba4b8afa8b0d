"""What the page of metrics can show: every metric by name, with its type, its labels and its sentence."""

from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from gateway import metrics
from gateway.exposition import Processes


@dataclass(frozen=True)
class Shown:
    """One metric, as the page names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str

    @property
    def series(self) -> set[str]:
        """The names that a query can ask for."""
        if self.kind == "histogram":
            return {f"{self.name}_{part}" for part in ("bucket", "sum", "count")}
        return {self.name}


def _of(metric: Metric, labels: tuple[str, ...]) -> Shown:
    suffix = "_total" if metric.type == "counter" else ""
    return Shown(f"{metric.name}{suffix}", metric.type, labels, metric.documentation)


def _whole() -> list[Shown]:
    made = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase) and not each._labelvalues]
    counted = [_of(next(iter(each.describe())), tuple(each._labelnames)) for each in made]
    return [*counted, *(_of(each, ("pid",)) for each in Processes().collect())]


#: Every metric, in the order of the file.
EXPOSED = _whole()
