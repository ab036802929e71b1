"""A training configuration for windows as a model eats them."""

import json

from models.manifest import Representation
from training.config import Config


def configured(config: Config, representation: Representation) -> Config:
    """``config`` with the attackers' windows those of ``representation``."""
    document = config.model_dump(mode="json")
    document["representation"] = representation.model_dump(mode="json")
    document["networks"]["anonymizer"]["channels"] = representation.channels
    return Config.model_validate_json(json.dumps(document))
