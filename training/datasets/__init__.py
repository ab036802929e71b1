"""Recordings of people as windows, with who they are, what they do and how they are split."""

from training.datasets.load import load_dataset
from training.datasets.window_set import Dataset, WindowSet

__all__ = ["Dataset", "WindowSet", "load_dataset"]
