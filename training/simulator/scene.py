"""What a simulated camera looks at."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize


class Scene(Protocol):
    """A moving picture: linear intensity at any time."""

    @property
    def sensor(self) -> SensorSize:
        """Size of the picture."""
        ...

    def render(self, t_us: int, out: NDArray[np.float32]) -> None:
        """Write the intensity at ``t_us`` into ``out``, float32 ``[H, W]``, above 0, linear."""
        ...
