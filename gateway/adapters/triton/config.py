"""The parts of Triton's `model_config.proto` that the gateway reads, as types: the generated classes have none."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class TensorConfig(Protocol):
    """`ModelInput` and `ModelOutput`; `data_type` is a number of the `DataType` enum."""

    name: str
    data_type: int
    dims: Sequence[int]


class InputConfig(TensorConfig, Protocol):
    """`ModelInput`."""

    optional: bool


class StepConfig(Protocol):
    """`ModelEnsembling.Step`; the maps lead from a tensor of the model to one of the ensemble."""

    model_name: str
    model_version: int
    input_map: Mapping[str, str]
    output_map: Mapping[str, str]


class Ensembling(Protocol):
    """`ModelEnsembling`."""

    step: Sequence[StepConfig]


class InstanceGroup(Protocol):
    """`ModelInstanceGroup`; its instances are named after it, `count` for each of its GPUs."""

    name: str
    count: int
    gpus: Sequence[int]


class Parameter(Protocol):
    """`ModelParameter`."""

    string_value: str


class TransactionPolicy(Protocol):
    """`ModelTransactionPolicy`."""

    decoupled: bool


class ResponseCache(Protocol):
    """`ModelResponseCache`."""

    enable: bool


class ModelConfig(Protocol):
    """`ModelConfig`."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: Sequence[InputConfig]
    output: Sequence[TensorConfig]
    ensemble_scheduling: Ensembling
    instance_group: Sequence[InstanceGroup]
    response_cache: ResponseCache
    parameters: Mapping[str, Parameter]
    model_transaction_policy: TransactionPolicy
