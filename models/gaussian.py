"""The Gaussian-noise baseline of the paper as an ONNX model: ``y = x + std * z``.

Source: AnonyNoise (WACV 2025), Sec. 5.3 and Table 1 (SEE: std 1 to 4; DVS-Gesture: 32 to
256). The standard deviation lies in the graph, under the manifest's hash, and not in the
manifest's ``noise.scale``, which nothing signs.
"""

import hashlib
import math

from pydantic import ValidationError

from models.elementwise import elementwise
from models.errors import ModelError
from models.manifest import Manifest, Noise, Representation, SelfTest, first_problem
from models.repository import Model

_OUTPUT_STEP = 2.0**-8

#: Below 1, rounding the output gives most raw counts back; above 4096 the clipping of
#: published values to float16's range begins to cut the noise.
SMALLEST_STD, LARGEST_STD = 1.0, 4096.0


_NODES = (
    ("Mul", ("noise", "std"), "scaled_noise"),
    ("Add", ("events", "scaled_noise"), "anonymized"),
)


def gaussian(
    std: float, *, bins: int = 5, window_us: int = 100_000, name: str | None = None
) -> Model:
    """The baseline with noise of ``std`` counts, for windows of ``bins`` bins in ``window_us``.

    The same arguments give the same bytes. Raises :class:`ModelError`, also where the
    ``onnx`` package is missing.
    """
    if not SMALLEST_STD <= std <= LARGEST_STD:
        raise ModelError(
            f"must lie between {SMALLEST_STD:g} and {LARGEST_STD:g} counts", field="std"
        )
    # The chance that noise falls into the raw count's own grid point, times four; at 0.6 of
    # the expected change a model with half the noise fails and an honest one does not.
    same = _OUTPUT_STEP / (std * math.sqrt(2 * math.pi))
    try:
        representation = Representation(
            kind="histogram",
            bins=bins,
            window_us=window_us,
            height=None,
            width=None,
            channel_order="time,polarity(off,on)",
            dtype="float32",
        )
        onnx_bytes = elementwise("gaussian_noise", _NODES, {"std": std}, representation.channels)
        manifest = Manifest(
            schema_version=1,
            name=name or f"gaussian-{std:g}",
            version="1.0.0",
            profile="gaussian-baseline",
            description=(
                f"Baseline: Gaussian noise of standard deviation {std:g} counts added to every "
                "cell. Nothing was learned and nothing was audited; denoising undoes part of it."
            ),
            sha256=hashlib.sha256(onnx_bytes).hexdigest(),
            representation=representation,
            noise=Noise(distribution="normal", scale=1.0),
            self_test=SelfTest(
                min_rms_change=round(0.6 * std, 6), max_unchanged=round(4 * same, 6)
            ),
            output_step=_OUTPUT_STEP,
        )
    except ValidationError as error:
        raise first_problem(error) from None
    return Model(manifest, onnx_bytes)
