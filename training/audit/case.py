"""What an attack is given: the windows, what covers them, and how much it may spend."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from models.networks.reid import ReidNetwork
from models.networks.resnet import Arch
from training.audit.effort import Effort
from training.audit.findings import Cover as CoverName
from training.audit.sightings import Sightings, without_pictures
from training.checkpoint import load_checkpoint
from training.config import Config, FitPart
from training.datasets.rows import Rows
from training.datasets.window_set import Dataset, WindowSet
from training.evaluate import outputs
from training.run import Run
from training.stages.cover import Cover, Raw


@dataclass(frozen=True, eq=False)
class Case:
    """One cover to be attacked with one seed.

    Equal to itself alone, so that what is worked out of one can be kept for its other attacks.

    ``folder`` is shared by all covers of a data set, so that what is known of raw windows is
    learned once; what belongs to this cover lies below ``name``.
    """

    dataset: Dataset
    cover: Cover
    #: Which of the covers of an audit this is.
    kind: CoverName
    config: Config
    effort: Effort
    folder: Path
    seed: int
    #: More test windows than those of ``dataset``, for attacks that put windows together.
    stays: WindowSet | None = None

    @property
    def name(self) -> str:
        """A folder's name for this cover."""
        # Of the manifest, which names the model's file, too: as much is in what it says of noise.
        digest = str(self.cover.settings.get("manifest_sha256", ""))[:12]
        return "-".join(part for part in (self.kind, self.cover.name, digest) if part)

    @cached_property
    def run(self) -> Run:
        """Trainings that go on where they were stopped."""
        # No pictures: the windows may be those of people who were promised that none are kept.
        return Run(self.folder, self.config, self.dataset, self.seed, pictures=False)

    @property
    def linked(self) -> WindowSet:
        """The test windows of who puts windows together.

        One of K windows is one thing to look for: of K times as many there should be as many.
        """
        return self.dataset.test if self.stays is None else self.stays

    def with_arch(self, arch: Arch) -> "Case":
        """The same with attackers of another architecture."""
        config = self.config
        networks = config.networks.model_copy(update={"arch": arch})
        return replace(self, config=config.model_copy(update={"networks": networks}))

    def fit(self, epochs: int | None = None) -> FitPart:
        """How an attacker is trained on covered windows, by default for as long as the suite says.

        Raises :class:`ValueError` for no epoch.
        """
        lasting = self.effort.epochs if epochs is None else epochs
        return _lasting(self.config.posttrain, lasting)

    def raw_fit(self) -> FitPart:
        """How a network is trained on raw windows."""
        return _lasting(self.config.pretrain, self.effort.raw_epochs)

    def raw_attacker(self) -> Path:
        """The attacker trained on raw windows; trained now if there is none yet."""
        stage = f"raw/{self.config.networks.arch}"
        return self.run.learned(stage, "reid", Raw(), None, self.raw_fit()) / "reid.pt"

    def attacker(
        self,
        name: str,
        start: Path | None,
        *,
        cover: Cover | None = None,
        epochs: int | None = None,
    ) -> Path:
        """An attacker trained on what ``cover`` (by default the case's own) makes of windows.

        ``name`` tells it from others of this case. It begins from ``start``, or from scratch: then
        by default for as long as on raw windows, and without the triplet loss. Under noise, the
        farthest and the nearest keep a network that knows nothing yet from learning anything.
        """
        stage, triplet = f"{self.name}/{name}", start is not None
        if epochs is None and not triplet:
            epochs = self.effort.raw_epochs
        covering, fit = cover or self.cover, self.fit(epochs)
        return self.run.learned(stage, "reid", covering, start, fit, triplet=triplet) / "reid.pt"

    def sightings(
        self,
        attacker: Path,
        *,
        cover: Cover | None = None,
        windows: WindowSet | None = None,
    ) -> Sightings:
        """Where ``attacker`` puts ``windows``, by default the test split, each covered once."""
        windows = self.dataset.test if windows is None else windows
        network = cast(ReidNetwork, load_checkpoint(attacker, "reid").network())
        points = outputs(
            "reid", network, cover or self.cover, windows, self.config, self.seed
        ).numpy()
        return Sightings(points, without_pictures(windows))


def _lasting(part: FitPart, epochs: int) -> FitPart:
    # Checked: an attacker who learned nothing finds nobody, as if there were nobody to be found.
    return FitPart.model_validate(part.model_dump() | {"epochs": epochs})


def sample(windows: WindowSet, most: int, generator: np.random.Generator) -> WindowSet:
    """At most ``most`` of ``windows``, drawn at random, in their order."""
    if most >= len(windows):
        return windows
    return chosen(windows, np.sort(generator.choice(len(windows), most, replace=False)))


def chosen(windows: WindowSet, places: NDArray[np.int64]) -> WindowSet:
    """The ``windows`` at ``places``, of which none is read yet."""
    return WindowSet(
        windows=Rows.all_of([windows.windows]).chosen(places),
        subject=windows.subject[places],
        label=windows.label[places],
        recording=windows.recording[places],
        condition=windows.condition[places],
    )


def shuffled(dataset: Dataset, generator: np.random.Generator) -> Dataset:
    """The data set with its people dealt out anew among the recordings of a split.

    Of each label and condition, the recordings keep their windows and get each other's people,
    so that every count stays and nobody can be recognised.
    """
    return replace(
        dataset,
        train=_dealt(dataset.train, generator),
        test=_dealt(dataset.test, generator),
    )


def _dealt(windows: WindowSet, generator: np.random.Generator) -> WindowSet:
    _, first, inverse = np.unique(windows.recording, return_index=True, return_inverse=True)
    subject = windows.subject[first].copy()
    groups = np.stack([windows.label[first], windows.condition[first]], axis=1)
    for group in np.unique(groups, axis=0):
        members = np.flatnonzero((groups == group).all(axis=1))
        subject[members] = subject[generator.permutation(members)]
    return replace(windows, subject=subject[inverse])
