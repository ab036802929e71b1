"""What training, simulation or evaluation cannot go on with."""

from models.errors import ModelError


class TrainingError(ModelError):
    """One line: ``source`` (a file, a data set), ``field`` (what of it is wrong), the problem."""
