"""SEE: single eyes showing seven emotions, as frames of accumulated events.

::

    ROOT/event/EMOTION/NUMBER_ID_SEX_AGE_DEGREE_LIGHTING_EMOTION_LENGTH_takeNNN/00000.jpg ...

A frame holds the events of 1/30 s, grey where nothing happened, brighter for on and darker for
off events. How much brighter an event makes a pixel is not published: a pixel counts as one
event of its polarity, if it differs from grey by more than JPEG makes it differ. Frames, not
events, fall into bins: bin ``b`` of ``n`` frames takes frames ``b * n / T`` to
``(b + 1) * n / T``; a live window is the frames that fit into ``window_us``.

The split is that of AnonyNoise, Sec. 5.1: people without all seven emotions are left out; the
20 with the fewest sequences are the test, one sequence an emotion each.

Sources: Zhang et al., "In the Blink of an Eye", SIGGRAPH 2023; its Dataset_Instructions.md.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.manifest import Representation
from training.datasets.index import Entry, Index, missing
from training.datasets.resize import resize_counts
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule, saturated
from training.errors import TrainingError

#: Names of the folders, in lower case.
EMOTIONS = ("angry", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

_FRAME_US = 1_000_000 // 30
_GREY = 128
#: Grey levels that JPEG may put beside an edge.
_JPEG_LEVELS = 24
_TEST_SUBJECTS = 20
_NAME = re.compile(r"\d+_(\d+)_[^_]+_\d+_[^_]+_([^_]+)_([^_]+)_(\d+)_take\d+")


def _frame(path: Path) -> NDArray[np.uint16]:
    """Off and on events of one frame, ``[2, H, W]``, 0 or 1."""
    try:
        with Image.open(path) as image:
            level = np.asarray(image.convert("L"), np.int16) - _GREY
    except Exception:
        # Damage makes Pillow raise a dozen different things.
        raise TrainingError("is no readable picture", source=str(path)) from None
    return np.stack([level < -_JPEG_LEVELS, level > _JPEG_LEVELS]).astype(np.uint16)


def _cut(
    path: Path, entries: Sequence[Entry], representation: Representation, rule: WindowRule
) -> list[NDArray[np.uint8]]:
    names = sorted(path.glob("*.jpg"))
    if not names:
        raise TrainingError("holds no frame", source=str(path))
    frames: list[NDArray[np.uint16]] = []
    for name in names:
        frames.append(_frame(name))
        if frames[-1].shape != frames[0].shape:
            raise TrainingError("is of another size than the first", source=str(name))
    whole = np.stack(frames)
    if representation.height is not None and representation.width is not None:
        whole = resize_counts(whole, representation.height, representation.width)
    length = len(whole)
    if rule == "live":
        length = max(1, representation.window_us // _FRAME_US)
    windows = [
        window
        for start in range(0, len(whole) - length + 1, length)
        if (window := _window(whole[start : start + length], representation.bins)).any()
    ]
    shape = (0, representation.channels, *whole.shape[2:])
    made = np.stack(windows) if windows else np.empty(shape, np.uint8)
    return [made for _ in entries]


def _window(frames: NDArray[np.uint16], bins: int) -> NDArray[np.uint8]:
    """``[n, 2, H, W]`` frames as one window ``[2T, H, W]``."""
    edges = np.arange(bins + 1) * len(frames) // bins
    counts = [frames[start:stop].sum(axis=0) for start, stop in pairwise(edges)]
    return saturated(np.concatenate(counts))


def _sequence(path: Path) -> tuple[str, str, str]:
    """Subject, emotion and lighting of a sequence, by its name."""
    found = _NAME.fullmatch(path.name)
    if not found:
        raise TrainingError(
            "is not NUMBER_ID_SEX_AGE_DEGREE_LIGHTING_EMOTION_LENGTH_takeNNN",
            source=str(path),
            field="name",
        )
    subject, lighting, emotion = found[1], found[2].lower(), found[3].lower()
    if emotion != path.parent.name.lower() or emotion not in EMOTIONS:
        raise TrainingError("is not the emotion of its folder", source=str(path), field="name")
    return subject, emotion, lighting


def index(root: Path) -> Index:
    """The sequences below ``root`` that the split takes. Raises :class:`TrainingError`."""
    paths = sorted(path for path in (root / "event").glob("*/*") if path.is_dir())
    if not paths:
        raise missing(
            root,
            "SEE",
            "https://github.com/zhanghaiwei1234/Single-eye-Emotion-Recognition",
            "it must hold event/EMOTION/SEQUENCE/00000.jpg and so on",
        )
    people: dict[str, dict[str, list[tuple[Path, str]]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        subject, emotion, lighting = _sequence(path)
        people[subject][emotion].append((path, lighting))
    complete = [subject for subject, shown in people.items() if len(shown) == len(EMOTIONS)]
    complete.sort(key=lambda subject: (sum(map(len, people[subject].values())), subject))
    if len(complete) <= _TEST_SUBJECTS:
        raise TrainingError(
            f"has {len(complete)} people with all emotions; {_TEST_SUBJECTS} are only the test",
            source=str(root),
        )
    test = set(complete[:_TEST_SUBJECTS])
    entries = []
    for subject in complete:
        for emotion, sequences in people[subject].items():
            for path, lighting in sequences[:1] if subject in test else sequences:
                split: Split = "test" if subject in test else "train"
                entries.append(Entry(path, subject, emotion, lighting, split))
    left_out = len(people) - len(complete)
    note = f"{left_out} of {len(people)} people do not show every emotion and are left out."
    return Index("see", root, tuple(entries), EMOTIONS, _cut, (note,), cacheable=True)
