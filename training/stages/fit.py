"""Run a Lightning module to the end of its epochs, from wherever a kill left it."""

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console

from training.batches import EpochBatches, batches, identities
from training.checkpoint import packed, unpacked
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import trainer_arguments
from training.errors import TrainingError
from training.files import write_whole
from training.pictures import Pictures
from training.stages.cover import Cover

_STATE = "training.ckpt"
_log = logging.getLogger(__name__)
# Which devices there are and what else could be bought says nothing about this training.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def fit(
    module: LightningModule,
    windows: WindowSet,
    folder: Path,
    *,
    config: Config,
    epochs: int,
    balanced: bool,
    seed: int,
    cover: Cover | None = None,
) -> float:
    """Train ``module`` on ``windows``; returns the seconds it took, those before a kill too.

    After every epoch the state of the training replaces the last one in ``folder``, and a
    later call goes on from there. Pictures of raw windows and of what ``cover`` makes of
    them go to TensorBoard. Raises :class:`TrainingError`.
    """
    watch = _Stopwatch()
    module.train()
    with warnings.catch_warnings():
        # Batches are drawn as whole arrays: workers would only copy them.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*is smaller than the logging interval.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        warnings.filterwarnings("ignore", ".*GPU available but not used.*")
        # An anonymizer's batch normalisations are meant to stand still.
        warnings.filterwarnings("ignore", ".*in eval mode at the start of training.*")
        # Of torch, which the Lightning at hand still asks in the old way.
        warnings.filterwarnings("ignore", ".*LeafSpec.*deprecated.*")
        arguments = trainer_arguments(config.compute)
        trainer = Trainer(
            max_epochs=epochs,
            callbacks=[
                watch,
                ModelCheckpoint(
                    dirpath=folder,
                    filename=Path(_STATE).stem,
                    enable_version_counter=False,
                    save_on_train_epoch_end=True,
                ),
                _progress(),
                *([Pictures(windows, cover, config)] if cover is not None else []),
            ],
            default_root_dir=folder,
            logger=TensorBoardLogger(folder, name="log", version=""),
            plugins=[_WholeFiles()],
            enable_progress_bar=_terminal(),
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            **arguments,
        )
        sampler = EpochBatches(
            identities(windows),
            config.batch,
            balanced=balanced,
            seed=seed,
            rank=trainer.global_rank,
            world=trainer.world_size,
        )
        state = folder / _STATE
        try:
            trainer.fit(
                module,
                batches(windows, sampler),
                ckpt_path=state if state.exists() else None,
                weights_only=True,
            )
        except OSError as error:
            raise TrainingError(error.strerror or "cannot be written", source=str(folder)) from None
        except RuntimeError as error:
            if "state_dict" not in str(error):
                raise
            raise TrainingError("is of another training", source=str(state)) from None
        if trainer.world_size > 1:
            # Each process has counted statistics of its own batches last: agree on one's, so
            # that all of them save the same network.
            module.load_state_dict(trainer.strategy.broadcast(module.state_dict()))
    _log.info("%s: %d epochs, %.0f s", folder, epochs, watch.elapsed_s)
    return watch.elapsed_s


def forget(folder: Path) -> None:
    """Remove the state of a training whose networks are saved."""
    (folder / _STATE).unlink(missing_ok=True)


def _terminal() -> bool:
    return Console(file=sys.stderr).is_terminal


def _progress() -> Callback:
    return RichProgressBar(console_kwargs={"stderr": True}) if _terminal() else _Lines()


class _Lines(Callback):
    """A line an epoch, where there is no terminal for a bar."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        means = [
            f"{name.removesuffix('_epoch')} {float(value):.3f}"
            for name, value in trainer.callback_metrics.items()
            if name.endswith("_epoch")
        ]
        if not trainer.is_global_zero:
            return
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        _log.info("%s epoch %s: %s", trainer.default_root_dir, epoch, ", ".join(means))


class _WholeFiles(CheckpointIO):
    """A checkpoint replaces the last one whole or not at all, and holds no code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Replace the file ``path``. Raises :class:`TrainingError`."""
        write_whole(Path(path), packed(checkpoint))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """The checkpoint in the file ``path``. Raises :class:`TrainingError`."""
        checkpoint = unpacked(Path(path))
        if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
            raise TrainingError("is no state of a training", source=str(path))
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Remove the file ``path``."""
        Path(path).unlink(missing_ok=True)


class _Stopwatch(Callback):
    """Seconds of training, counted on over kills."""

    def __init__(self) -> None:
        self._before_s = 0.0
        self._start_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return self._before_s + time.monotonic() - self._start_s

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed_s": self.elapsed_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before_s = float(state_dict["elapsed_s"])
