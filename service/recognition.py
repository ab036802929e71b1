"""What a camera's anonymized windows show, said by a classifier and smoothed over time."""

from collections import deque
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from models.classifier import Classifier
from service.status import Recognized

#: Probabilities are averaged over as many windows as fit in, one at least.
_SMOOTHED_US = 1_500_000


class Recognition:
    """One camera's windows, one after another, through a classifier.

    Of windows of half a second::

        windows          1      2      3  |  4      5        | a new segment
        averaged         1     1-2    1-3 |  4     4-5

    The label is the most probable class of the mean of the probabilities of the last windows, as
    many as fit in a second and a half, and that mean is its probability: one odd window does not
    change it, except where a window is as long as that. A new segment is another scene, and begins
    anew. So does a window in which too little happens for any of its classes: it has no label.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._segment: str | None = None
        windows = max(1, _SMOOTHED_US // classifier.manifest.representation.window_us)
        self._recent: deque[dict[str, float]] = deque(maxlen=windows)

    def add(self, metadata: Mapping[str, str], tensor: NDArray[Any]) -> Recognized | None:
        """What is seen once this window ``[2T, H, W]``, float32 or float16, has come, if anything.

        ``metadata`` is its message's. Raises :class:`models.errors.ModelError` where the
        classifier does not take it.
        """
        if int(metadata["events"]) < self._classifier.manifest.fewest_events:
            self._recent.clear()
            return None
        prediction = self._classifier.classify(tensor)
        if metadata["segment"] != self._segment:
            self._segment = metadata["segment"]
            self._recent.clear()
        self._recent.append(prediction.probabilities)
        mean = {label: fmean(each[label] for each in self._recent) for label in self._recent[0]}
        label = max(mean, key=mean.__getitem__)
        return Recognized(
            task=self._classifier.manifest.task,
            label=label,
            probability=round(mean[label], 4),
            seq=int(metadata["seq"]),
        )
