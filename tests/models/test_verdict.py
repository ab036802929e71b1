import numpy as np
import pytest
from numpy.typing import NDArray

from models.manifest import Manifest
from models.verdict import Anonymized, Rejected, judge
from tests.models.onnx_models import manifest_fields

MANIFEST = Manifest.model_validate(manifest_fields())
SHAPE = (4, 24, 40)


def window(seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """An honest output and its input, float32 ``[4, H, W]``."""
    generator = np.random.default_rng(seed)
    events = generator.poisson(0.5, SHAPE).astype(np.float32)
    return events + 4 * generator.standard_normal(SHAPE, np.float32), events


def published(output: NDArray[np.float32], events: NDArray[np.float32]) -> NDArray[np.float32]:
    verdict = judge(output, events, MANIFEST)
    assert isinstance(verdict, Anonymized)
    return verdict.tensor


def test_published_values_are_the_output_on_the_grid() -> None:
    output, events = window()
    tensor = published(output, events)
    np.testing.assert_array_equal(tensor, np.rint(output * 256) / 256)
    assert tensor.dtype == np.float32
    assert tensor.shape == SHAPE
    assert not np.shares_memory(tensor, output)


def test_no_negative_zero_is_published() -> None:
    output, events = window()
    output[0, 0, :4] = [-1e-9, -0.0, 1e-9, 0.0]
    tensor = published(output, events)
    assert not np.any(np.signbit(tensor[tensor == 0]))


def test_published_values_fit_float16() -> None:
    output, events = window()
    output[1, 2, :4] = [65503, 70_000, -70_000, 3e38]
    tensor = published(output, events)
    assert tensor[1, 2, :4].tolist() == [65503, 65504, -65504, 65504]
    assert np.isfinite(tensor.astype(np.float16)).all()


def test_views_are_judged_by_their_values() -> None:
    output, events = window()
    wide = np.full((4, 24, 60), np.nan, np.float32)
    wide[:, :, :40] = output
    np.testing.assert_array_equal(published(wide[:, :, :40], events), published(output, events))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (3, 23, 39), (1, 7, 17)])
def test_one_number_that_is_not_finite_rejects(bad: float, place: tuple[int, ...]) -> None:
    output, events = window()
    output[place] = bad
    assert judge(output, events, MANIFEST) == Rejected("non_finite")


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_one_channel_too_near_to_its_input_rejects(channel: int, share: float) -> None:
    output, events = window()
    output[channel] = events[channel] + share * (output[channel] - events[channel])
    assert judge(output, events, MANIFEST) == Rejected("unchanged")


def test_raw_counts_among_noise_reject() -> None:
    """The root mean square alone lets an output through that keeps a third of the counts."""
    output, events = window()
    kept = (np.indices(SHAPE).sum(axis=0) % 3 == 0) & (events > 0)
    output[kept] = events[kept]
    assert judge(output, events, MANIFEST) == Rejected("unchanged")
    # Also where they are off by less than the grid shows.
    output[kept] += np.float32(1e-3)
    assert judge(output, events, MANIFEST) == Rejected("unchanged")


def test_a_few_raw_counts_are_chance() -> None:
    output, events = window()
    kept = np.flatnonzero(events)[:8]
    output.ravel()[kept] = events.ravel()[kept]
    published(output, events)


def test_an_output_that_ignores_the_events_passes() -> None:
    _, events = window()
    assert np.all(published(np.full(SHAPE, 7, np.float32), events) == 7)


def test_another_shape_or_type_rejects() -> None:
    output, events = window()
    for bad in (output[:3], output[:, :-1], output[None], output.astype(np.float64)):
        assert judge(bad, events, MANIFEST) == Rejected("bad_shape")  # type: ignore[arg-type]


def test_a_rejection_holds_a_cause_and_nothing_else() -> None:
    assert vars(Rejected("unchanged")) == {"cause": "unchanged"}
