"""How much work each suite puts into its attacks."""

from types import MappingProxyType

from models.audit import Suite
from models.manifest import Part


class Effort(Part):
    """What an attack of one suite may spend."""

    #: Attackers trained from different seeds; the gate pools them.
    seeds: int
    #: Wall-clock seconds after which no further attack is begun.
    budget_s: float
    #: Epochs of an attacker who begins from nothing, on raw windows or covered ones, and of one who
    #: goes on from there on covered windows.
    raw_epochs: int
    epochs: int
    #: Windows of an epoch.
    windows: int
    #: Test windows that are attacked; of a larger data set an excerpt.
    test_windows: int
    #: Those that are put together, over the model; no fewer.
    linked_windows: int
    #: Steps of the denoiser of the inversion attack.
    inversion_epochs: int
    #: Draws, or consecutive windows, that are put together.
    draws: tuple[int, ...]
    #: Windows that costly attacks look at: white box, reconstruction.
    sample: int
    #: Published windows that the noise is tested on.
    noise_windows: int


EFFORT: MappingProxyType[Suite, Effort] = MappingProxyType(
    {
        "quick": Effort(
            seeds=1, budget_s=540, raw_epochs=10, epochs=3, windows=2000, test_windows=3000,
            linked_windows=5000, inversion_epochs=0, draws=(1, 4, 16), sample=96,
            noise_windows=64,
        ),
        "nightly": Effort(
            seeds=1, budget_s=6600, raw_epochs=16, epochs=6, windows=4000, test_windows=6000,
            linked_windows=12_000, inversion_epochs=3, draws=(1, 2, 4, 8, 16, 32), sample=256,
            noise_windows=256,
        ),
        "full": Effort(
            seeds=5, budget_s=28200, raw_epochs=20, epochs=8, windows=4000, test_windows=20_000,
            linked_windows=20_000, inversion_epochs=4, draws=(1, 2, 4, 8, 16, 32, 64), sample=512,
            noise_windows=1024,
        ),
    }
)  # fmt: skip
