"""Reconstruction: from published windows to pictures that a person could look at.

The adversary has a pretrained network that makes grey pictures of events, FireNet or E2VID, and
the published windows of whole recordings. He feeds it each window's on minus off counts, five
temporal bins at a time, with its memory kept from window to window of a recording, as its
authors do. Over published windows of people he knows, he also trains a residual network to
recognise people in the pictures. He succeeds where the pictures are like those of the raw
windows, more than those of another recording are, or where people are found again in them.

Source: AnonyNoise (WACV 2025), Sec. 5.6, with E2VID; Rebecq et al., "High Speed and High Dynamic
Range Video with an Event Camera", TPAMI 2019; Scheerlinck et al., "Fast Image Reconstruction with
an Event Camera", WACV 2020. The weights are the user's own file, see
:mod:`training.audit.reconstructor`.
"""

import base64
import io
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import JsonValue
from torch import Tensor

from models.networks.reid import ReidNetwork
from models.networks.voxels import voxels
from training.audit.case import Case, chosen
from training.audit.findings import Finding
from training.audit.identify import identified
from training.audit.own_network import own_network
from training.audit.points import points
from training.audit.reconstructor import Reconstructor
from training.audit.sightings import Sightings, without_pictures
from training.audit.ssim import ssim
from training.batches import identities
from training.checkpoint import Checkpoint, load_checkpoint
from training.datasets.window_set import WindowSet
from training.device import device
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import Cover, Raw
from training.stages.fit import fit
from training.stages.recogniser import Recogniser, identity_cost, scaled

NAME = "reconstruction"

#: Windows of known people for each one of the sample.
_TRAINED = 8
#: Recordings in work at a time.
_BATCH = 8
#: Windows that are shown in the report.
_SHOWN = 3


def name_with(reconstructor: Reconstructor) -> str:
    """The attack's name with that network: what one draws says nothing of the other."""
    return f"{NAME}-{reconstructor.name.lower()}"


def attack(case: Case, reconstructor: Reconstructor, *, show_raw: bool = False) -> Finding:
    """How like the pictures of raw windows those of covered ones are, and who is in them.

    Without ``show_raw`` the pictures in ``details`` hold nothing that was made of raw windows: a
    report of real recordings must not show who was recorded.
    """
    draw = numpy_generator(case.seed, NAME, "sample")
    windows = recordings(case.dataset.test, case.effort.sample, draw)
    raw = pictures(reconstructor, Raw(), windows, case)
    covered = pictures(reconstructor, case.cover, windows, case)
    elsewhere = _of_other_recordings(windows, draw)
    like = _alike(covered, raw)
    floor = _alike(covered, raw[elsewhere])

    attacker = _attacker(case, reconstructor)
    found: dict[str, JsonValue] = {
        "windows": len(windows),
        "network": reconstructor.name,
        "ssim": like[0],
        "ssim_shuffled": floor[0],
        "mse": like[1],
        "mse_shuffled": floor[1],
        "pictures": cast(JsonValue, _shown(case, windows, raw, covered, show_raw=show_raw)),
    }
    sightings = Sightings(points(attacker, covered, case.config), without_pictures(windows))
    return identified(name_with(reconstructor), case, sightings, found)


def recordings(windows: WindowSet, most: int, generator: np.random.Generator) -> WindowSet:
    """Whole recordings of ``windows``, drawn at random, with at most ``most`` windows in all.

    One at least, in their order.
    """
    names, counts = np.unique(windows.recording, return_counts=True)
    order = generator.permutation(len(names))
    kept = order[: max(1, int((counts[order].cumsum() <= most).sum()))]
    return chosen(windows, np.flatnonzero(np.isin(windows.recording, names[kept])))


@torch.no_grad()
def pictures(reconstructor: Reconstructor, cover: Cover, windows: WindowSet, case: Case) -> Tensor:
    """What ``reconstructor`` makes of covered ``windows``: float32 ``[N, 1, H, W]`` from 0 to 1.

    Each recording begins with an empty memory; its windows follow in their order.
    """
    place = device(case.config.compute)
    noise = torch_generator(place, case.seed, NAME, "noise")
    reconstructor.to(place)
    cover.to(place)
    height, width = windows.windows.shape[2:]
    found = torch.zeros(len(windows), 1, height, width)
    for places in _steps(windows.recording):
        states: tuple[Tensor, ...] | None = None
        for now in places:
            counts = torch.from_numpy(np.array(windows.windows[now])).to(place)
            covered = cover(scaled(counts, case.config), noise)
            if states is not None:
                # The longest recordings come first, so that those that go on are the first.
                states = tuple(state[: len(now)] for state in states)
            picture, states = reconstructor.draw(covered, states)
            found[torch.from_numpy(now)] = picture.cpu()
    return found


def _steps(recording: NDArray[np.int64]) -> list[list[NDArray[np.int64]]]:
    """Of each batch of recordings, the places of their first windows, of their second, ..."""
    each = [np.flatnonzero(recording == one) for one in np.unique(recording)]
    each.sort(key=len, reverse=True)
    batches = [each[begin : begin + _BATCH] for begin in range(0, len(each), _BATCH)]
    return [
        [np.array([one[k] for one in batch if len(one) > k]) for k in range(len(batch[0]))]
        for batch in batches
    ]


def _of_other_recordings(windows: WindowSet, generator: np.random.Generator) -> Tensor:
    """For each window the place of one of another recording; of its own where there is but one."""
    recording = windows.recording
    places = np.arange(len(recording))
    return torch.tensor(
        [
            generator.choice(others if len(others) else places)
            for others in (places[recording != one] for one in recording)
        ]
    )


def _alike(covered: Tensor, raw: Tensor) -> tuple[float, float]:
    """SSIM and mean squared error of pictures, means over them."""
    return float(ssim(covered, raw).mean()), float((covered - raw).square().mean())


def _attacker(case: Case, reconstructor: Reconstructor) -> ReidNetwork:
    """The network that knows people by their pictures; trained now if there is none yet.

    As whoever begins from nothing: for as long, and without the triplet loss, see
    :meth:`Case.attacker`.
    """
    train = recordings(
        case.dataset.train,
        _TRAINED * case.effort.sample,
        numpy_generator(case.seed, NAME, "train"),
    )
    # Few windows make short epochs: as many steps as any other attacker has.
    rounds = max(1, round(case.effort.windows / len(train)))
    part = case.fit(rounds * case.effort.raw_epochs)

    def trained(folder: Path, seed: int) -> Checkpoint:
        network = ReidNetwork("small", 1, int(identities(train).max()) + 1)
        seen = _as_counts(pictures(reconstructor, case.cover, train, case))
        config = case.config.model_copy(
            update={
                "representation": case.config.representation.model_copy(update={"scaling": 1 / 255})
            }
        )
        fit(
            Recogniser(network, identity_cost, Raw(), config, part, seed),
            WindowSet(seen, train.subject, train.label, train.recording, train.condition),
            folder,
            config=config,
            epochs=part.epochs,
            balanced=True,
            seed=seed,
        )
        return Checkpoint(
            kind="reid",
            config=network.config,
            state=network.state_dict(),
            representation=case.config.representation,
            trained_on={"pictures": reconstructor.name, "cover": {"name": case.cover.name}},
        )

    settings = {"windows": len(train), "weights": reconstructor.weights_sha256}
    path = own_network(case, name_with(reconstructor), "reid", part, settings, trained)
    return cast(ReidNetwork, load_checkpoint(path, "reid").network())


def _as_counts(pictures: Tensor) -> NDArray[np.uint8]:
    """``pictures`` from 0 to 1 as bytes, which is how training keeps windows."""
    return (pictures * 255).round().byte().numpy()


def _shown(
    case: Case, windows: WindowSet, raw: Tensor, covered: Tensor, *, show_raw: bool
) -> list[dict[str, str]]:
    """A few windows and their pictures, PNG in base64."""
    places = np.linspace(0, len(windows) - 1, min(_SHOWN, len(windows))).astype(np.int64)
    counts = torch.from_numpy(np.array(windows.windows[places]))
    noise = torch_generator(device(case.config.compute), case.seed, NAME, "shown")
    with torch.no_grad():
        scaled_counts = scaled(counts.to(noise.device), case.config)
        published = case.cover(scaled_counts, noise).cpu()
    sets = {"covered": _summed(published), "reconstructed_covered": covered[places]}
    if show_raw:
        sets |= {"raw": _summed(scaled_counts.cpu()), "reconstructed_raw": raw[places]}
    return [{name: _png(of[i, 0]) for name, of in sets.items()} for i in range(len(places))]


def _summed(windows: Tensor) -> Tensor:
    """``windows`` ``[N, 2T, H, W]`` as pictures ``[N, 1, H, W]``: more on is bright, off dark."""
    total = voxels(windows, 1)
    full = total.abs().flatten(1).quantile(0.99, dim=1).clamp(min=1e-6)[:, None, None, None]
    return (total / full / 2 + 0.5).clamp(0, 1)


def _png(picture: Tensor) -> str:
    file = io.BytesIO()
    Image.fromarray((picture * 255).round().byte().numpy()).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
