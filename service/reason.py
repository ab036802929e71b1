"""Why something does not work, told to whoever may read it."""

import os

from models.errors import ModelError


def without_paths(error: ModelError) -> str:
    """What is wrong with a model, but not where it lies: a folder's path is for the log only."""
    return text_without_paths(": ".join(filter(None, (error.field, error.problem))))


def text_without_paths(text: str) -> str:
    """``text``, unless a folder's path may be in it."""
    return "the log says why" if os.sep in text else text
