"""Traces, by OpenTelemetry: spans around what takes time, and the headers by which a trace goes on elsewhere.

Off, which is the default, a span costs one call; the library is imported when traces are on.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

Attribute = str | int | float | bool
Headers = Mapping[str, str]
#: Open a span: its name, its kind, the headers that its trace came with, its attributes.
Open = Callable[[str, str, Headers | None, Mapping[str, Attribute]], AbstractContextManager["Naming"]]

#: The header that names a trace (W3C Trace Context).
TRACEPARENT: Final = "traceparent"
#: What a span may be in its trace, as OpenTelemetry has it.
SERVER, CLIENT, INTERNAL, PRODUCER, CONSUMER = "SERVER", "CLIENT", "INTERNAL", "PRODUCER", "CONSUMER"


class Naming:
    """What the work within a span learns about itself."""

    def rename(self, name: str) -> None:
        """Give the span another name."""

    def note(self, **attributes: Attribute) -> None:
        """Add attributes to it."""

    def failed(self, code: str) -> None:
        """Let the span have failed with this code."""


class _Open(Naming):
    def __init__(self, span: "Span"):
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Attribute) -> None:
        self._span.set_attributes(attributes)

    def failed(self, code: str) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only where traces are on

        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR, code))


_NONE: Final = nullcontext(Naming())
_open: Open | None = None
_carry: Callable[[], dict[str, str]] = dict


def on() -> bool:
    """Whether anything is traced."""
    return _open is not None


def span(
    name: str, kind: str = INTERNAL, parent: Headers | None = None, **attributes: Attribute
) -> AbstractContextManager[Naming]:
    """A span around a block; `parent` are headers that a trace came with, else it belongs to the span around it."""
    return _NONE if _open is None else _open(name, kind, parent, attributes)


def carried() -> dict[str, str]:
    """The headers by which the trace of now goes on elsewhere; none where there is none."""
    return _carry()


def configure(url: str, *, service: str = "gateway") -> Callable[[], None]:
    """Send spans to the collector at `http://host:4318/v1/traces`; what is returned sends the last and ends that."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return _trace_to(BatchSpanProcessor, OTLPSpanExporter(endpoint=url), service)


def trace_at_once(exporter: "SpanExporter") -> Callable[[], None]:
    """Hand each span to this exporter when it ends; what is returned ends that."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415

    return _trace_to(SimpleSpanProcessor, exporter, "gateway")


def _trace_to(
    processor: Callable[["SpanExporter"], object], exporter: "SpanExporter", service: str
) -> Callable[[], None]:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    made = processor(exporter)
    assert isinstance(made, SpanProcessor)
    provider.add_span_processor(made)
    _turn_on(provider.get_tracer("gateway"))

    def end() -> None:
        global _open, _carry
        _open, _carry = None, dict
        provider.shutdown()

    return end


def _turn_on(tracer: "Tracer") -> None:
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    global _open, _carry
    propagator = TraceContextTextMapPropagator()

    @contextmanager
    def opened(name: str, kind: str, parent: Headers | None, attributes: Mapping[str, Attribute]) -> "Iterator[Naming]":
        context = None if parent is None else propagator.extract(parent)
        with tracer.start_as_current_span(name, context, SpanKind[kind], attributes) as span:
            yield _Open(span)

    def carry() -> dict[str, str]:
        headers: dict[str, str] = {}
        propagator.inject(headers)
        return headers

    _open, _carry = opened, carry
