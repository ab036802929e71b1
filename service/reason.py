"""Why something does not work, told to whoever may read it."""

import os

from models.errors import ModelError


def without_paths(error: ModelError) -> str:
    """What is wrong with a model, but not where it lies: a folder's path is for the log only."""
    said = ": ".join(filter(None, (error.field, error.problem)))
    return "the log says why" if os.sep in said else said
