"""The published tables, each as a list of rows that one seed's run fills."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from training.checkpoint import load_checkpoint
from training.config import Config
from training.datasets.window_set import Dataset
from training.device import describe
from training.evaluate import Scores, chance, check_people
from training.files import write_json, write_whole
from training.provenance import commit
from training.results import Row, SeedResult
from training.run import TASKS, Run, counts
from training.stages.cover import Cover, Gaussian, Learned


def measure(
    experiment: str,
    config: Config,
    dataset: Dataset,
    folder: Path,
    seed: int,
    command: str,
    anonymizer: Path | None = None,
) -> SeedResult:
    """Run one seed of ``experiment``, as far as it is not done yet, and keep what it found.

    The result is in ``folder/seed-SEED/EXPERIMENT.json``, the configuration beside it in
    ``EXPERIMENT.yaml``. ``anonymizer`` is the checkpoint that ``generalization`` is about.
    Raises :class:`TrainingError`, for too few people to test on before anything is trained.
    """
    check_people(dataset)
    run = Run(folder, config, dataset, seed)
    if experiment == "generalization":
        assert anonymizer is not None
        rows = generalization(run, anonymizer)
    else:
        rows = _TABLES[experiment](run)
    result = SeedResult(
        experiment=experiment,
        seed=seed,
        rows=tuple(rows),
        chance=chance(dataset.test, config, seed),
        commit=commit(),
        device=describe(config.compute),
        duration_s=run.duration_s,
        command=command,
        config=config.model_dump(mode="json"),
        dataset={
            "name": dataset.name,
            "digest": run.content,
            "notes": list(dataset.notes),
            "train": dict(counts(dataset)["train"]),
            "test": dict(counts(dataset)["test"]),
        },
        synthetic=dataset.name == "simulated",
    )
    write_whole(run.folder / f"{experiment}.yaml", config.to_yaml().encode())
    write_json(run.folder / f"{experiment}.json", result.model_dump(mode="json"))
    return result


def table1(run: Run) -> list[Row]:
    """Raw, Gaussian noise at several deviations, AnonyNoise (paper, Table 1)."""
    rows = [_raw(run)]
    for std in run.config.gaussian:
        rows += attacked(run, Gaussian(std))
    return rows + attacked(run, _learned(run.pipeline(), "anonynoise"))


def ablation(run: Run) -> list[Row]:
    """What the anonymizer sees and puts out (paper, Table 3), and its design."""
    rows = [_raw(run)]
    for variant in run.config.ablation:
        config = AnonymizerConfig.from_dict(
            run.config.networks.anonymizer.to_dict() | variant.model_dump()
        )
        name = f"{variant.design}: {variant.input} to {variant.output}"
        folder = f"ablation/{variant.design}-{variant.input}-{variant.output}".replace(",", "+")
        path = run.pipeline(config, f"{folder}/pipeline")
        rows += attacked(run, _learned(path, name), folder)
    return rows


def inversion(run: Run) -> list[Row]:
    """A denoiser before the attacker (paper, Table 4), beside the attack without one."""
    covers: list[Cover] = [Gaussian(std) for std in run.config.gaussian]
    covers.append(_learned(run.pipeline(), "anonynoise"))
    rows = [_raw(run)]
    for cover in covers:
        rows += attacked(run, cover)
        rows += attacked(run, cover, f"inversion/{cover.name}", denoise=True)
    return rows


def generalization(run: Run, anonymizer: Path) -> list[Row]:
    """An anonymizer that never saw this data set (paper, Table 2)."""
    return [_raw(run), *attacked(run, _learned(anonymizer, "anonynoise"), "generalization")]


def attacked(
    run: Run, cover: Cover, folder: str | None = None, *, denoise: bool = False
) -> list[Row]:
    """The target network and every attacker, trained on windows below ``cover``.

    One row for each way that the attacker starts; all have the same target network.
    """
    folder = folder or cover.name
    part = run.config.posttrain
    target = []
    if run.dataset.labels:
        known = run.pretrained("target")
        target = [run.recognised(f"{folder}/target", "target", cover, known, part, denoise=denoise)]
    rows = []
    for start in run.config.attack.starts:
        begin = run.pretrained("reid") if start == "pretrained" else None
        reid = run.recognised(f"{folder}/reid-{start}", "reid", cover, begin, part, denoise=denoise)
        stage = "inversion" if denoise else "post-training"
        if start != "pretrained":
            stage += f", attacker from {start}"
        rows.append(_row(cover.name, stage, [*target, reid]))
    return rows


def _raw(run: Run) -> Row:
    tasks = TASKS if run.dataset.labels else ("reid",)
    found = [run.pretraining(task) for task in tasks]
    return _row("raw", "pre-training", found)


def _row(name: str, stage: str, found: list[Scores]) -> Row:
    scores = {one.kind: one for one in found}
    return Row.model_validate({"input": name, "stage": stage, **scores})


def _learned(path: Path, name: str) -> Learned:
    network = load_checkpoint(path, "anonymizer").network(str(path))
    return Learned(cast(AnonymizerNetwork, network), name)


_TABLES: dict[str, Callable[[Run], list[Row]]] = {
    "table1": table1,
    "ablation": ablation,
    "inversion": inversion,
}
