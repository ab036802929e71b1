"""One seed of a training run: its stages, each done once, in a folder that survives a kill.

::

    RUN/seed-0/pretrain/target/   settings.json, training.ckpt while it runs, target.pt, log/,
                                  done.json
    RUN/seed-0/pretrain/reid/
    RUN/seed-0/pipeline/          anonymizer.pt, target.pt, reid.pt
    RUN/seed-0/gaussian-32/target/ ...
"""

import hashlib
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import nn

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from models.networks.denoiser import Denoiser
from models.networks.designs import CodesBody, SummaryBody
from models.networks.recogniser import RecogniserNetwork
from models.networks.reid import ReidNetwork
from models.networks.resnet import load_imagenet
from models.networks.target import TargetNetwork
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import Config, FitPart, Precision
from training.datasets.window_set import Dataset
from training.errors import TrainingError
from training.evaluate import Scores, evaluate
from training.results import summary
from training.seeds import derive
from training.stages.cover import Cover, Learned, Raw
from training.stages.fit import fit, forget
from training.stages.folder import Done, StageFolder
from training.stages.pipeline import Pipeline
from training.stages.recogniser import Recogniser, identity_cost, reid_cost, target_cost

Task = Literal["target", "reid"]
TASKS: tuple[Task, ...] = ("target", "reid")
#: Windows of a split that its hash looks at.
_SAMPLED = 64


class Run:
    """The stages of one seed. Each method trains what is not there yet and returns it."""

    def __init__(
        self, folder: Path, config: Config, dataset: Dataset, seed: int, *, pictures: bool = True
    ) -> None:
        self.folder = folder / f"seed-{seed}"
        self.config = config
        self.dataset = dataset
        self.seed = seed
        #: Whether raw windows may be shown in the logs.
        self.pictures = pictures
        #: By which the data set is known again.
        self.content = content(dataset)
        #: Seconds that each of the stages asked for took, whenever that was.
        self._durations_s: dict[str, float] = {}

    @property
    def duration_s(self) -> float:
        """Seconds of training behind what was asked for, each stage counted once."""
        return sum(self._durations_s.values())

    def pretrained(self, task: Task) -> Path:
        """The network that knows ``task`` from raw windows (paper, Sec. 4.2)."""
        self.pretraining(task)
        return self.folder / "pretrain" / task / f"{task}.pt"

    def pretraining(self, task: Task) -> Scores:
        """What that network finds out on the test split."""
        return self.recognised(f"pretrain/{task}", task, Raw(), None, self.config.pretrain)

    def pipeline(self, anonymizer: AnonymizerConfig | None = None, stage: str = "pipeline") -> Path:
        """The anonymizer of the adversarial stage (paper, Sec. 4.3)."""
        config = self.config
        wanted = anonymizer or config.networks.anonymizer
        if wanted.design == "codes" and wanted.codes is None:
            wanted = wanted.model_copy(update={"codes": len(self.dataset.labels)})
        starts = {task: self.pretrained(task) for task in TASKS}
        folder = StageFolder(self.folder / stage)
        done = folder.open(
            self._settings(
                anonymizer=wanted.to_dict(),
                pipeline=config.pipeline.model_dump(mode="json"),
                starts={task: _digest(path) for task, path in starts.items()},
                tiles=True,
            )
        )
        if done is None:
            seed = derive(self.seed, stage)
            torch.manual_seed(seed)
            reid = cast(ReidNetwork, load_checkpoint(starts["reid"], "reid").network())
            target = cast(TargetNetwork, load_checkpoint(starts["target"], "target").network())
            anonymizer_network = AnonymizerNetwork(wanted)
            if config.networks.arch == "small":
                _begin(anonymizer_network.body, target)
            # All but the first begin with what nobody knows.
            attackers = [reid, *(self._new_reid() for _ in range(1, config.pipeline.attackers))]
            module = Pipeline(
                anonymizer_network,
                target.with_tiles(),
                [attacker.with_tiles() for attacker in attackers],
                config,
                seed,
            )
            duration_s = fit(
                module,
                self.dataset.train,
                folder.path,
                config=_at(config, config.pipeline.precision),
                epochs=config.pipeline.epochs,
                balanced=True,
                seed=seed,
                cover=Learned(module.anonymizer) if self.pictures else None,
            )
            trained: dict[str, nn.Module] = {
                "anonymizer": module.anonymizer,
                "target": module.target,
                "reid": module.attackers[0],
            }
            for name, network in trained.items():
                self._save(folder.network(name), name, network, {"stage": stage})
            done = folder.close(Done(duration_s=duration_s))
            forget(folder.path)
        self._durations_s[stage] = done.duration_s
        return folder.network("anonymizer")

    def recognised(
        self,
        stage: str,
        task: Task,
        cover: Cover,
        start: Path | None,
        part: FitPart,
        *,
        denoise: bool = False,
    ) -> Scores:
        """What a recogniser trained on covered windows finds out on the test split.

        It begins from the network in ``start``, or from a new one, with a denoiser before it
        if ``denoise`` (paper, Sec. 4.4 and 5.6). Whatever lies over the windows, it can look for
        what is the same in all tiles of them.
        """
        done = self._recogniser(stage, task, cover, start, part, denoise=denoise, scored=True)
        assert done.scores is not None
        return done.scores

    def learned(
        self,
        stage: str,
        task: Task,
        cover: Cover,
        start: Path | None,
        part: FitPart,
        *,
        denoise: bool = False,
        triplet: bool = True,
    ) -> Path:
        """The folder of the same recogniser, for who looks with it at windows of his own choice.

        What it finds out on the test split, which takes its time, is not asked. Without
        ``triplet`` people are learned by cross-entropy alone.
        """
        self._recogniser(
            stage, task, cover, start, part, denoise=denoise, triplet=triplet, scored=False
        )
        return self.folder / stage

    def _recogniser(
        self,
        stage: str,
        task: Task,
        cover: Cover,
        start: Path | None,
        part: FitPart,
        *,
        denoise: bool,
        scored: bool,
        triplet: bool = True,
    ) -> Done:
        """A recogniser's stage, which has scores if it was ``scored`` when it was trained."""
        config = self.config
        covered = not isinstance(cover, Raw)
        folder = StageFolder(self.folder / stage)
        done = folder.open(
            self._settings(
                task=task,
                cover=cover.settings,
                start=None if start is None else _digest(start),
                fit=part.model_dump(mode="json"),
                evaluation=config.evaluation.model_dump(mode="json"),
                inversion=self._denoising() if denoise else None,
                # Raw windows hold no pattern: what was learned of them before stays good.
                **({"tiles": True} if covered else {}),
                **({} if triplet else {"triplet": False}),
            )
        )
        if done is None:
            seed = derive(self.seed, stage)
            torch.manual_seed(seed)
            network = self._new(task) if start is None else self._begun(task, start)
            if covered:
                network = network.with_tiles()
            networks = config.networks
            denoiser = (
                Denoiser(
                    config.representation.channels, networks.denoiser_depth, networks.denoiser_width
                )
                if denoise
                else None
            )
            people = reid_cost if triplet else identity_cost
            cost = target_cost if task == "target" else people
            duration_s = fit(
                Recogniser(network, cost, cover, config, part, seed, denoiser),
                self.dataset.train,
                folder.path,
                config=config,
                epochs=part.epochs,
                balanced=task == "reid",
                seed=seed,
                cover=cover if self.pictures else None,
            )
            scores, metrics = None, None
            if scored:
                whole = network if denoiser is None else nn.Sequential(denoiser, network)
                scores = evaluate(task, whole, cover, self.dataset.test, config, self.seed)
                metrics = summary(scores)
            about = {"stage": stage, "cover": {"name": cover.name, **cover.settings}}
            self._save(folder.network(task), task, network, about, metrics)
            if denoiser is not None:
                self._save(folder.network("denoiser"), "denoiser", denoiser, about, metrics)
            done = folder.close(Done(duration_s=duration_s, scores=scores))
            forget(folder.path)
        self._durations_s[stage] = done.duration_s
        return done

    def _new(self, task: Task) -> RecogniserNetwork:
        return self._new_target() if task == "target" else self._new_reid()

    def _new_target(self) -> TargetNetwork:
        networks, channels = self.config.networks, self.config.representation.channels
        network = TargetNetwork(networks.arch, channels, self._logits("target"))
        self._begin(network.backbone)
        return network

    def _new_reid(self) -> ReidNetwork:
        networks, channels = self.config.networks, self.config.representation.channels
        network = ReidNetwork(networks.arch, channels, self._logits("reid"))
        self._begin(network.backbone)
        return network

    def _begun(self, task: Task, start: Path) -> RecogniserNetwork:
        known = cast(RecogniserNetwork, load_checkpoint(start, task).network())
        return known.with_logits(self._logits(task))

    def _logits(self, task: Task) -> int:
        """How many classes, or people to learn from, there are."""
        if task == "reid":
            return len(np.unique(self.dataset.train.subject))
        if not self.dataset.labels:
            raise TrainingError("has no task to recognise", source=self.dataset.name)
        return len(self.dataset.labels)

    def _begin(self, backbone: nn.Module) -> None:
        if self.config.networks.imagenet is not None:
            load_imagenet(backbone, Path(self.config.networks.imagenet))

    def _save(
        self,
        path: Path,
        kind: Any,
        network: nn.Module,
        about: dict[str, Any],
        metrics: dict[str, Any] | None = None,
    ) -> None:
        made = network.config
        config = made.to_dict() if isinstance(made, AnonymizerConfig) else made
        Checkpoint(
            kind=kind,
            config=cast(dict[str, Any], config),
            state=network.state_dict(),
            representation=self.config.representation,
            labels=self.dataset.labels if kind == "target" else (),
            trained_on={
                "dataset": self.dataset.name,
                "notes": list(self.dataset.notes),
                "seed": self.seed,
                "config": self.config.name,
                "train": counts(self.dataset)["train"],
                **about,
            },
            metrics=metrics or {},
        ).save(path)

    def _denoising(self) -> dict[str, Any]:
        networks = self.config.networks
        return {
            **self.config.inversion.model_dump(mode="json"),
            "depth": networks.denoiser_depth,
            "width": networks.denoiser_width,
            # Of :class:`Denoiser`; earlier ones had none.
            "gain": True,
        }

    def _settings(self, **own: Any) -> dict[str, Any]:
        """What a stage depends on: the same settings give the same networks."""
        config = self.config.model_dump(mode="json")
        return {
            "seed": self.seed,
            "data": {"name": self.dataset.name, "digest": self.content},
            **{name: config[name] for name in ("dataset", "representation", "batch", "augment")},
            "networks": {name: config["networks"][name] for name in ("arch", "imagenet")},
            "precision": config["compute"]["precision"],
            **own,
        }


def _begin(body: nn.Module, target: TargetNetwork) -> None:
    """Let an anonymizer that sums windows up, or decides what they show, begin with ``target``'s
    knowledge of that.
    """
    if isinstance(body, SummaryBody):
        body.backbone.load_state_dict(target.backbone.state_dict())
    elif isinstance(body, CodesBody) and len(body.patterns) == target.config["classes"]:
        body.recogniser.load_state_dict(target.state_dict())


def _at(config: Config, precision: Precision | None) -> Config:
    """``config`` computing at ``precision``, where one is given."""
    compute = config.compute.model_copy(update={"precision": precision or config.compute.precision})
    return config.model_copy(update={"compute": compute})


def counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Subjects, recordings and windows of both splits."""
    return {
        name: {
            "subjects": len(np.unique(split.subject)),
            "recordings": len(np.unique(split.recording)),
            "windows": len(split.label),
        }
        for name, split in (("train", dataset.train), ("test", dataset.test))
    }


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        # Reading it in earnest says what is wrong, in the words for a checkpoint.
        load_checkpoint(path)
        raise


def content(dataset: Dataset) -> str:
    """A hash by which a data set is known again: who does what, and a sample of the counts."""
    digest = hashlib.sha256()
    for split in (dataset.train, dataset.test):
        for column in (split.subject, split.label, split.recording, split.condition):
            digest.update(np.ascontiguousarray(column).tobytes())
        sample = split.windows[:: max(1, len(split.windows) // _SAMPLED)]
        digest.update(np.ascontiguousarray(sample).tobytes())
    return digest.hexdigest()
