"""Makes a whole simulated data set: a folder that appears complete or not at all."""

import csv
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from training.errors import TrainingError
from training.simulator.contact_sheet import contact_sheet
from training.simulator.layout import LABELS, SIMULATION, SUBJECTS
from training.simulator.recordings import Take, write_take
from training.simulator.traits import traits

CONTACT_SHEET_FILE = "contact-sheet.png"


def _write_all(
    takes: list[Take], folder: Path, duration_us: int, file_format: str, jobs: int
) -> Iterator[int]:
    if jobs == 1:
        for take in takes:
            yield write_take(take, folder, duration_us, file_format)
        return
    # Not fork: a process with threads (a progress bar's, say) may hang when forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = [
            pool.submit(write_take, take, folder, duration_us, file_format) for take in takes
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _write_labels(takes: list[Take], folder: Path, file_format: str) -> None:
    with (folder / LABELS).open("x", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("path", "subject", "label", "lighting", "split"))
        for take in takes:
            path = f"{take.stem}.{file_format}"
            rows.writerow((path, take.subject_name, take.label, take.lighting, take.split))


def _write_subjects(takes: list[Take], folder: Path) -> None:
    people = {take.subject_name: traits(take.scene, take.seed, take.subject) for take in takes}
    with (folder / SUBJECTS).open("x", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("subject", *next(iter(people.values()))))
        for name, properties in people.items():
            rows.writerow((name, *properties.values()))


def _write_simulation(takes: list[Take], folder: Path, duration_us: int) -> None:
    first = takes[0]
    made = {
        "generator": "anonynoise simulate",
        "scene": first.scene,
        "seed": first.seed,
        "duration_us": duration_us,
    }
    (folder / SIMULATION).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def simulate_set(
    out: Path,
    takes: list[Take],
    *,
    duration_us: int,
    file_format: str,
    jobs: int,
    done: Callable[[], None],
) -> int:
    """Write recordings, their labels, people and contact sheet; returns the number of events.

    ``done`` is called after each recording. The same ``takes`` give the same files, however
    many processes (``jobs``) share the work. Raises :class:`TrainingError` if ``out`` holds
    anything already, or cannot be written; then nothing is left behind.
    """
    draft = None
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise TrainingError("exists already and is not an empty folder", source=str(out))
        out.parent.mkdir(parents=True, exist_ok=True)
        target = out.resolve()
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
        events = 0
        for count in _write_all(takes, draft, duration_us, file_format, jobs):
            events += count
            done()
        _write_simulation(takes, draft, duration_us)
        _write_labels(takes, draft, file_format)
        _write_subjects(takes, draft)
        contact_sheet(takes).save(draft / CONTACT_SHEET_FILE)
        draft.chmod(0o755)
        draft.rename(target)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be written", source=str(out)) from None
    except BrokenProcessPool:
        raise TrainingError("a process at work was killed", source=str(out)) from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return events
