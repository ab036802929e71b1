"""The block between a backbone and its classifier (AnonyNoise, Sec. 4.2)."""

from torch import nn

#: Length of the vector that a person, or a gesture, is known by.
EMBEDDING = 256


def embedding_block(features: int, dropout: float) -> nn.Sequential:
    """Linear, batch normalisation, leaky ReLU, dropout: ``[N, features]`` to ``[N, 256]``."""
    return nn.Sequential(
        nn.Linear(features, EMBEDDING),
        nn.BatchNorm1d(EMBEDDING),
        nn.LeakyReLU(0.1),
        nn.Dropout(dropout),
    )
