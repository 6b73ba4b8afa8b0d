"""The deaths of models' processes that inferences of this process have met, those that nobody waited for among them."""

from collections.abc import ItemsView

from gateway.errors import GatewayError, ModelDied


class Deaths:
    """Each instance whose process was given up, with the begin of the last inference that met it (perf_counter)."""

    def __init__(self) -> None:
        self._met: dict[str, float] = {}

    def note(self, error: GatewayError, begun: float) -> None:
        """Keep that an inference which had `begun` then has met this error, if it is a death."""
        if isinstance(error, ModelDied) and error.instance:
            self._met[error.instance] = max(begun, self._met.get(error.instance, begun))

    def met(self) -> ItemsView[str, float]:
        """Every instance, with that time."""
        return self._met.items()
