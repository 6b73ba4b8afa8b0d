"""What the core needs of the world outside; every adapter proves itself against the contracts written here."""

from gateway.ports.access import Authenticator
from gateway.ports.api_keys import ApiKeyStore
from gateway.ports.artifacts import ArtifactStore
from gateway.ports.audit import AuditStore
from gateway.ports.courier import Courier
from gateway.ports.deliveries import DeliveryStore
from gateway.ports.entries import EntryStore
from gateway.ports.executions import ExecutionStore
from gateway.ports.files import FileStore
from gateway.ports.gathering import MediaFetcher, Uploads
from gateway.ports.healing import ModelControl, Turns, Witness
from gateway.ports.hooks import HookStore
from gateway.ports.inference import Dispatch, Inference, InferenceEngine
from gateway.ports.keys import KeyStore
from gateway.ports.media import BlobStore, MediaReader, OpenedMedia
from gateway.ports.pipelines import Discovery, PipelineSource, PipelineStore
from gateway.ports.rates import RateCounter
from gateway.ports.retention import DoomedBlobs, RetentionStore
from gateway.ports.runs import (
    AcceptedRun,
    Canceled,
    ClaimedRun,
    DueRun,
    Extended,
    FinishedRun,
    QueueState,
    RunStore,
)
from gateway.ports.transforms import Transformer

__all__ = [
    "AcceptedRun",
    "ApiKeyStore",
    "ArtifactStore",
    "AuditStore",
    "Authenticator",
    "BlobStore",
    "Canceled",
    "ClaimedRun",
    "Courier",
    "DeliveryStore",
    "Discovery",
    "Dispatch",
    "DoomedBlobs",
    "DueRun",
    "EntryStore",
    "ExecutionStore",
    "Extended",
    "FileStore",
    "FinishedRun",
    "HookStore",
    "Inference",
    "InferenceEngine",
    "KeyStore",
    "MediaFetcher",
    "MediaReader",
    "ModelControl",
    "OpenedMedia",
    "PipelineSource",
    "PipelineStore",
    "QueueState",
    "RateCounter",
    "RetentionStore",
    "RunStore",
    "Transformer",
    "Turns",
    "Uploads",
    "Witness",
]
