"""The settings of the gateway: one frozen tree; flag > environment > file > default.

A field `rest_port` is the flag `--rest-port`, the variable `GATEWAY_REST_PORT` and the key `rest_port` of
the TOML file that `--config` names. A bad value or an unknown key stops the program.
"""

import enum
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from gateway import limits
from gateway.errors import CannotStart

PREFIX: Final = "GATEWAY_"
#: Variables of the same prefix that belong to other parts: the client side of the command line.
FOREIGN: Final = frozenset(("GATEWAY_URL", "GATEWAY_API_KEY", "GATEWAY_CONFIG"))

TcpPort = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=limits.MAX_SYNC_TIMEOUT)]
Patience = Annotated[float, msgspec.Meta(gt=0)]
Pause = Annotated[float, msgspec.Meta(ge=0, le=limits.MAX_SYNC_TIMEOUT)]
RateText = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]
Span = Annotated[float, msgspec.Meta(ge=0, le=limits.MAX_RETENTION)]


#: What marks a setting that is a secret: it has no flag, since flags can be read of every process, and is never shown.
UNSHOWN: Final = "hidden"


def _told(sentence: str, **marks: bool) -> msgspec.Meta:
    return msgspec.Meta(description=sentence, extra=marks or None)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that an operator may set; the sentence of a field is its `--help`."""

    host: Annotated[str, _told("Address that REST and gRPC listen on.")] = "127.0.0.1"
    rest_port: Annotated[TcpPort, _told("Port of REST.")] = 8080
    grpc_port: Annotated[TcpPort, _told("Port of gRPC.")] = 9090
    data_dir: Annotated[Path, _told("Folder of all that the gateway keeps.")] = Path(".gateway")
    model_repository: Annotated[Path, _told("Triton model repository that the embedded Triton serves.")] = Path(
        "model_repository"
    )
    auth: Annotated[
        Literal["none", "api_key", "jwt"], _told("Who may enter: none (everybody), api_key (gateway key), or jwt.")
    ] = "none"
    insecure: Annotated[
        bool, _told("Serve everybody who reaches the address, even where that is not this machine alone.")
    ] = False
    jwt_secret: Annotated[
        str | None, _told("What tokens are signed with (HS256), in the environment or in the file.", hidden=True)
    ] = None
    jwt_secret_file: Annotated[Path | None, _told("The file that holds what tokens are signed with (HS256).")] = None
    jwt_jwks_url: Annotated[
        str | None, _told("Where the issuer of tokens shows its keys (RS256), https://issuer/….json.")
    ] = None
    jwt_issuer: Annotated[str | None, _told("The issuer that tokens must be of.")] = None
    jwt_audience: Annotated[str | None, _told("The audience that tokens must be for.")] = None
    jwt_owner_claim: Annotated[str, _told("The claim that says whose the records are.")] = "sub"
    jwt_scope_claim: Annotated[str, _told("The claim that says the scopes: a list, or text with blanks.")] = "scope"
    jwt_pipelines_claim: Annotated[
        str | None, _told("The claim that lists the pipelines a token is for; without it tokens are for all.")
    ] = None
    triton_url: Annotated[str | None, _told("An outside Triton, grpc://host:8001; none is started then.")] = None
    triton_http_url: Annotated[
        str | None, _told("Its HTTP port, http://host:8000, for the faster way; gRPC alone without.")
    ] = None
    triton_shared: Annotated[
        bool, _told("Other gateways or workers use the embedded Triton, too; an outside one always counts as shared.")
    ] = False
    database_url: Annotated[
        str | None, _told("An outside PostgreSQL, postgresql://user@host/name; none is started then.")
    ] = None
    blob_url: Annotated[
        str | None, _told("Where media are kept, file:///folder or s3://bucket/prefix; the data folder without.")
    ] = None
    workers: Annotated[
        Count, _told("Processes that serve REST and gRPC side by side; other limits are those of one process.")
    ] = 1
    worker: Annotated[bool, _told("Take up runs in the background, too, in each process.")] = True
    worker_runs: Annotated[Count, _told("Runs in the background that one worker has in hand at once.")] = (
        limits.WORKER_RUNS
    )
    worker_pipeline_runs: Annotated[
        Count | None, _told("Of these, runs of one pipeline; as many as there may be at all without.")
    ] = None
    run_lease: Annotated[Seconds, _told("Seconds after which a run whose worker has gone is taken up by another.")] = (
        limits.RUN_LEASE
    )
    queue_timeout: Annotated[
        Patience, _told("Seconds that a run may wait for a pipeline that is not there; then it has failed.")
    ] = limits.QUEUE_TIMEOUT
    max_queued_runs: Annotated[Count, _told("Runs that may wait for a worker; more are refused.")] = (
        limits.MAX_QUEUED_RUNS
    )
    sweep_after: Annotated[
        Patience, _told("Seconds after which media that were staged for a run that never came are removed.")
    ] = limits.SWEEP_AFTER
    hooks_allow_private: Annotated[
        bool, _told("Let hooks reach private, loopback and link-local addresses: only where every caller is trusted.")
    ] = False
    hooks_allowed: Annotated[
        str, _told("What hooks may reach beside public addresses: networks and host names, with commas between them.")
    ] = ""
    media_urls: Annotated[
        bool, _told("Let callers name media by URL, which the gateway fetches from public addresses.")
    ] = False
    media_urls_allow_private: Annotated[
        bool, _told("Fetch media from private, loopback and link-local addresses, too: only where callers are trusted.")
    ] = False
    media_urls_allowed: Annotated[
        str, _told("What media may be fetched from beside public addresses: networks and host names, with commas.")
    ] = ""
    trace_url: Annotated[
        str | None, _told("An OpenTelemetry collector, http://host:4318/v1/traces; nothing is traced without.")
    ] = None
    sweep_interval: Annotated[Seconds, _told("Seconds between two looks for what is kept no longer.")] = (
        limits.SWEEP_INTERVAL
    )
    execution_retention: Annotated[
        Span, _told("Seconds for which an execution is kept after its last change when it names none; 0 for ever.")
    ] = limits.EXECUTION_RETENTION
    transient_retention: Annotated[
        Span, _told("Seconds for which the record of a transient run is kept; 0 for ever.")
    ] = limits.TRANSIENT_RETENTION
    media_retention: Annotated[
        Span, _told("Seconds for which stored media are kept; 0 as long as their execution.")
    ] = 0.0
    file_retention: Annotated[
        Span, _told("Seconds for which a file is kept when its upload names none; 0 for ever.")
    ] = limits.FILE_RETENTION
    key_retention: Annotated[
        Span, _told("Seconds for which an idempotency key is known, longer only if its run's record is; 0 for ever.")
    ] = limits.KEY_RETENTION
    delivery_retention: Annotated[Span, _told("Seconds for which a delivery that has ended is kept; 0 for ever.")] = (
        limits.DELIVERY_RETENTION
    )
    queue_log_retention: Annotated[Span, _told("Seconds for which the queue's own log is kept; 0 for ever.")] = (
        limits.QUEUE_LOG_RETENTION
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _told("What is logged, and above.")] = "info"
    sync_timeout: Annotated[Seconds, _told("Seconds a synchronous call may take when it names none.")] = (
        limits.SYNC_TIMEOUT
    )
    max_body_bytes: Annotated[Count, _told("Bytes of one request body.")] = limits.MAX_BODY_BYTES
    max_file_bytes: Annotated[Count, _told("Bytes of one file that is put in to be used by its ID.")] = (
        limits.MAX_FILE_BYTES
    )
    max_sync_calls: Annotated[Count, _told("Synchronous calls in hand at once, per process; more are refused.")] = (
        limits.MAX_SYNC_CALLS
    )
    max_pipeline_calls: Annotated[
        Count,
        _told("Of these, calls of one pipeline, per process; gateway.concurrency of its config narrows it."),
    ] = limits.MAX_PIPELINE_CALLS
    max_key_calls: Annotated[
        Count | None, _told("Of these, calls of one API key or token, per process; a key's own number comes first.")
    ] = None
    key_rate: Annotated[
        RateText | None, _told("Requests of one API key or token, such as 600/minute, per process; no bound without.")
    ] = None
    tls_cert: Annotated[
        Path | None, _told("Certificate chain of both doors, PEM, read again when it changes; no TLS without.")
    ] = None
    tls_key: Annotated[Path | None, _told("Its private key, PEM.")] = None
    tls_client_ca: Annotated[
        Path | None, _told("Authorities, PEM, one of which must have issued a certificate of the caller's own.")
    ] = None
    cors_origins: Annotated[
        str, _told("Origins whose pages may call REST, https://app.example.com, with commas between them; * for all.")
    ] = ""
    max_inferences: Annotated[Count, _told("Inferences with Triton at once, per process; more wait.")] = (
        limits.MAX_INFERENCES
    )
    decoder_children: Annotated[Count, _told("Children that decode and render media, per process; more wait.")] = (
        limits.DECODER_CHILDREN
    )
    drain_delay: Annotated[
        Pause, _told("Seconds for which new work is still taken after SIGTERM, while /ready says 503 already.")
    ] = 0.0
    drain_timeout: Annotated[Pause, _told("Seconds that what is in hand then gets to end.")] = limits.DRAIN_TIMEOUT


def is_secret(field: msgspec.structs.FieldInfo) -> bool:
    """Whether a setting is marked as a secret."""
    metas = getattr(field.type, "__metadata__", ())
    return any(UNSHOWN in (getattr(meta, "extra", None) or ()) for meta in metas)


class Source(enum.StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


class Resolved(msgspec.Struct, frozen=True):
    """The settings, and where each comes from that is not the default."""

    settings: Settings
    sources: Mapping[str, Source]

    def source(self, name: str) -> Source:
        """Where the value of this setting comes from."""
        return self.sources.get(name, Source.DEFAULT)


def load(flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None) -> Settings:
    """The settings from all their sources.

    Raises:
        CannotStart: a value does not fit, or a key is unknown; the sentence names it and where it stands.
    """
    return resolve(flags, environment, config).settings


def resolve(flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None) -> Resolved:
    """The settings from all their sources, and which source each comes from.

    Raises:
        CannotStart: as `load`.
    """
    places = {
        Source.FILE: f"the file {config}",
        Source.ENVIRONMENT: "the environment",
        Source.FLAG: "the command line",
    }
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for source, found in (
        (Source.FILE, _from_file(config)),
        (Source.ENVIRONMENT, _from_environment(environment)),
        (Source.FLAG, dict(flags)),
    ):
        for key, value in found.items():
            if key not in Settings.__struct_fields__:
                raise CannotStart(f"There is no setting {key!r} ({places[source]}): see gateway serve --help.")
            values[key], sources[key] = value, source
    return Resolved(_converted(values, {key: places[source] for key, source in sources.items()}), sources)


def _from_file(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text())
    except OSError as failure:
        raise CannotStart(f"The settings file {config} cannot be read: {failure.strerror}.") from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise CannotStart(f"The settings file {config} is not TOML: {failure}.") from failure


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # An empty variable is one that is not set, as compose files pass it.
    ours = {key: value for key, value in environment.items() if key.startswith(PREFIX) and value}
    return {key.removeprefix(PREFIX).lower(): value for key, value in ours.items() if key not in FOREIGN}


def _converted(values: dict[str, Any], sources: dict[str, str]) -> Settings:
    for key, value in values.items():
        try:
            msgspec.convert({key: value}, Settings, strict=False, dec_hook=_path)
        except msgspec.ValidationError as refusal:
            reason = str(refusal).split(" - at `")[0] + _choices(key)
            raise CannotStart(f"The setting {key} ({sources[key]}) is not valid: {reason}.") from None
    return msgspec.convert(values, Settings, strict=False, dec_hook=_path)


def _choices(key: str) -> str:
    """What may stand for a setting that takes few words."""
    words = typing.get_args(typing.get_type_hints(Settings)[key])
    return f"; choose one of {', '.join(words)}" if words and all(isinstance(word, str) for word in words) else ""


def _path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError(f"Expected `{wanted.__name__}`")
