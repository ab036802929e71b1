"""A report on disk: for programs, for people, and in the history."""

import hashlib
from pathlib import Path

from training.audit.drawn import drawings, is_public
from training.audit.history import in_short, past, record
from training.audit.page import page
from training.audit.report import Report
from training.errors import TrainingError
from training.files import write_whole

#: The report for programs, and for people.
JSON_FILE = "report.json"
PAGE_FILE = "report.html"


def write(report: Report, folder: Path, history: Path) -> str:
    """Put both files of ``report`` into ``folder`` and a line into ``history``.

    All of it or nothing: what was there before an error is there after it. Returns the SHA-256
    of the JSON file. Raises :class:`TrainingError` if something cannot be written, if ``history``
    is no history, and for raw pictures of people who were recorded.
    """
    if not report.data.synthetic:
        _check_nobody_is_shown(report)
    document = (report.model_dump_json(indent=1) + "\n").encode()
    digest = hashlib.sha256(document).hexdigest()
    audits = past(history, report.model.name)
    if (this := in_short(report, digest)) not in audits:
        audits += (this,)
    files = {
        folder / PAGE_FILE: page(report, audits, digest).encode(),
        folder / JSON_FILE: document,
    }
    before = {path: _content(path) for path in files}
    try:
        for path, content in files.items():
            write_whole(path, content)
        record(history, report, digest)
    except BaseException:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                write_whole(path, old)
        raise
    return digest


def _check_nobody_is_shown(report: Report) -> None:
    if any(sample.raw is not None for sample in report.samples):
        raise TrainingError("holds raw windows of people who were recorded", field="samples")
    for attack in report.attacks:
        for pictures in drawings(attack.details):
            if not all(map(is_public, pictures)):
                raise TrainingError(
                    "holds pictures of people who were recorded",
                    field=f"attacks.{attack.attack}.details",
                )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
