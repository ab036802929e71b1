"""A network from what a checkpoint says of it."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from models.errors import ModelError
from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from models.networks.denoiser import Denoiser
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork

Kind = Literal["anonymizer", "target", "reid", "denoiser"]

_KINDS: dict[str, type[nn.Module]] = {
    "anonymizer": AnonymizerNetwork,
    "target": TargetNetwork,
    "reid": ReidNetwork,
    "denoiser": Denoiser,
}


def build(
    kind: str, config: Mapping[str, Any], state: Mapping[str, Any], source: str | None = None
) -> nn.Module:
    """The network of that kind and configuration with the weights ``state``, in eval mode.

    Raises :class:`ModelError` naming ``source`` and what does not fit.
    """
    if kind not in _KINDS:
        raise ModelError(f"is not one of {', '.join(_KINDS)}", source=source, field="kind")
    network: nn.Module
    if kind == "anonymizer":
        network = AnonymizerNetwork(AnonymizerConfig.from_dict(config, source))
    else:
        try:
            network = _KINDS[kind](**config)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"no {kind} network: {error}", source=source, field="config") from None
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError):
        raise ModelError(
            f"holds the weights of another {kind} network than its configuration says",
            source=source,
            field="state",
        ) from None
    return network.eval()
