"""From Triton's config of an ensemble, and of its steps' models, to a pipeline.

Parameters of the ensemble's config with the prefix `gateway.` refine what is derived: `gateway.description`,
`gateway.tag`, `gateway.transform` (a JSONata expression), `gateway.concurrency` (calls in hand at once), `gateway.rate`
(calls that one key may make, such as 600/minute), `gateway.image_conversion` (`true`: pages of PDFs and TIFFs are
rendered for it), and `gateway.role.<TENSOR>` for the role of an input or output.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from tritonclient.grpc import model_config_pb2

from gateway.adapters.triton.config import ModelConfig, StepConfig, TensorConfig
from gateway.domain.pipelines import (
    Input,
    InputRole,
    Output,
    OutputRole,
    Pipeline,
    PipelineStatus,
    Port,
    Step,
)
from gateway.domain.rates import Rate, rate_of

log = logging.getLogger(__name__)

_Role = TypeVar("_Role", InputRole, OutputRole)
_PREFIX: Final = "gateway."
#: A positive integer that fits wherever it is kept.
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")


def pipeline(
    config: ModelConfig,
    configs: Mapping[str, ModelConfig],
    versions: Mapping[str, str | None],
    status: PipelineStatus,
    reason: str,
) -> Pipeline:
    """The pipeline of an ensemble; `configs` and `versions` are those of all models that are ready."""
    parameters = {
        key.removeprefix(_PREFIX): value.string_value
        for key, value in config.parameters.items()
        if key.startswith(_PREFIX)
    }
    steps = tuple(_step(each, configs.get(each.model_name)) for each in config.ensemble_scheduling.step)
    return Pipeline(
        pipeline_id=config.name,
        description=parameters.get("description", ""),
        tag=parameters.get("tag", ""),
        transform=parameters.get("transform", ""),
        concurrency=_concurrency(config.name, parameters.get("concurrency")),
        image_conversion=parameters.get("image_conversion", "").lower() == "true",
        rate=_rate(config.name, parameters.get("rate")),
        status=status,
        reason=reason,
        decoupled=any(_decoupled(configs.get(each.model)) for each in steps) or _decoupled(config),
        inputs=_inputs(config, parameters),
        outputs=_outputs(config, parameters),
        steps=steps,
        model_versions=_model_versions(steps, versions),
    )


def _concurrency(name: str, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    if _COUNT.fullmatch(wanted):
        return int(wanted)
    log.warning("pipeline.concurrency_invalid", extra={"pipeline_id": name, "concurrency": wanted})
    return None


def _rate(name: str, wanted: str | None) -> Rate | None:
    if wanted is None:
        return None
    try:
        return rate_of(wanted)
    except ValueError:
        log.warning("pipeline.rate_invalid", extra={"pipeline_id": name, "rate": wanted})
        return None


def _decoupled(config: ModelConfig | None) -> bool:
    return config is not None and config.model_transaction_policy.decoupled


def _model_versions(steps: Iterable[Step], versions: Mapping[str, str | None]) -> dict[str, str]:
    latest = {each.model: versions.get(each.model) or "" for each in steps}
    pinned = {each.model: str(each.model_version) for each in steps if each.model_version != -1}
    return {model: version for model, version in (latest | pinned).items() if version}


def _step(step: StepConfig, config: ModelConfig | None) -> Step:
    return Step(
        model=step.model_name,
        model_version=step.model_version,
        inputs=_ports(step.input_map, config, config.input if config else ()),
        outputs=_ports(step.output_map, config, config.output if config else ()),
    )


def _ports(joined: Mapping[str, str], config: ModelConfig | None, tensors: Iterable[TensorConfig]) -> tuple[Port, ...]:
    known = {each.name: each for each in tensors}
    return tuple(
        Port(name, datatype(known[name]), _shape(known[name], config), tensor)
        if name in known
        else Port(name, "", (), tensor)
        for name, tensor in sorted(joined.items())
    )


def datatype(tensor: TensorConfig) -> str:
    """Triton's protocol name of a tensor's type: `TYPE_STRING` of a config is `BYTES`."""
    name: str = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return "BYTES" if name == "STRING" else name


def _shape(tensor: TensorConfig, config: ModelConfig | None) -> tuple[int, ...]:
    batch = (-1,) if config is not None and config.max_batch_size > 0 else ()
    return (*batch, *tensor.dims)


def _inputs(config: ModelConfig, parameters: Mapping[str, str]) -> tuple[Input, ...]:
    roles = _input_roles(config, parameters)
    return tuple(
        Input(each.name, datatype(each), _shape(each, config), roles[each.name], each.optional) for each in config.input
    )


def _input_roles(config: ModelConfig, parameters: Mapping[str, str]) -> dict[str, InputRole]:
    """Declared roles, else: the first BYTES is the media, or without one the first image-shaped UINT8."""
    declared = {each.name: _declared(InputRole, each.name, parameters) for each in config.input}
    roles = {each.name: declared[each.name] or _usual_role(each) for each in config.input}
    if not {InputRole.MEDIA, InputRole.IMAGE} & set(roles.values()):
        undeclared = [each for each in config.input if declared[each.name] is None]
        texts = [each.name for each in undeclared if datatype(each) == "BYTES"]
        images = [each.name for each in undeclared if datatype(each) == "UINT8" and _image_shaped(each)]
        if texts:
            roles[texts[0]] = InputRole.MEDIA
        elif images:
            roles[images[0]] = InputRole.IMAGE
    return roles


def _usual_role(tensor: TensorConfig) -> InputRole:
    return {"BYTES": InputRole.TEXT, "BOOL": InputRole.BOOLEAN}.get(datatype(tensor), InputRole.NUMBER)


def _image_shaped(tensor: TensorConfig) -> bool:
    return len(tensor.dims) in (3, 4) and tensor.dims[-1] in (3, -1)


def _outputs(config: ModelConfig, parameters: Mapping[str, str]) -> tuple[Output, ...]:
    def role(tensor: TensorConfig) -> OutputRole:
        usual = OutputRole.AUTO if datatype(tensor) == "BYTES" else OutputRole.TENSOR
        return _declared(OutputRole, tensor.name, parameters) or usual

    return tuple(Output(each.name, datatype(each), _shape(each, config), role(each)) for each in config.output)


def _declared(roles: type[_Role], tensor: str, parameters: Mapping[str, str]) -> _Role | None:
    wanted = parameters.get(f"role.{tensor}")
    try:
        return roles(wanted) if wanted is not None else None
    except ValueError:
        log.warning("pipeline.role_unknown", extra={"tensor": tensor, "role": wanted})
        return None
