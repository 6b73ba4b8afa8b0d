"""What the doors open onto: the use cases, and the few settings that a door needs."""

from dataclasses import dataclass

from litestar.di import NamedDependency

from gateway.core.artifacts import Artifacts
from gateway.core.deliveries import Deliveries
from gateway.core.executions import Executions
from gateway.core.files import Files
from gateway.core.health import Health
from gateway.core.hooks import Hooks
from gateway.core.observations import Observations
from gateway.core.pipelines import Pipelines
from gateway.core.rates import Rates
from gateway.core.runs import Runs
from gateway.exposition import Exposition
from gateway.ports import Authenticator


@dataclass(frozen=True, kw_only=True)
class Services:
    """The core, as the doors see it."""

    pipelines: Pipelines
    runs: Runs
    executions: Executions
    files: Files
    artifacts: Artifacts
    observations: Observations
    hooks: Hooks
    deliveries: Deliveries
    health: Health
    exposition: Exposition
    access: Authenticator
    rates: Rates
    #: Seconds a synchronous call may take when it names none.
    sync_timeout: float
    #: Bytes of one request body.
    max_body_bytes: int


#: How a route of Litestar asks for the services.
Core = NamedDependency[Services]
