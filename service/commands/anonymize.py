"""``anonynoise anonymize``."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from events.core_dumps import forbid_core_dumps
from events.errors import EventDataError
from events.packet import Packet, SensorSize
from events.recording import Recording, open_recording
from events.text import TimeUnit
from events.window import WindowSpec
from models.anonymizer import Anonymizer, load_anonymizer
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import Repository, reference
from service.anonymize import DoesNotFit, Tally, anonymize_packets, fitting_spec
from service.audit import judge, read_key, read_statement, utc_now
from service.classifiers import find
from service.commands.options import parse_sensor, unusable
from service.config import AuditConfig, ConfigError, Limits
from service.message import Message, TensorType, frame
from service.recognition import Recognition


@click.command(epilog="Example: anonynoise anonymize walk.aedat4 walk.windows --dtype float16")
@click.argument("recording", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--model", default="default", help="Name in the model repository, or a folder.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--dtype", type=click.Choice(get_args(TensorType)), default="float32")
@click.option("--sensor", metavar="WxH", callback=parse_sensor, help="Where the file is silent.")
@click.option("--time-unit", type=click.Choice(get_args(TimeUnit)), help="Of a text recording.")
@click.option(
    "--audit-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="audit.pub: refuse a model without a passing audit, at most three days old.",
)
@click.option(
    "--task",
    metavar="gesture|emotion",
    help="Say what the windows show, with this machine's classifier for the model.",
)
def command(
    recording: Path,
    out: Path,
    model: str,
    device: str,
    dtype: TensorType,
    sensor: SensorSize | None,
    time_unit: TimeUnit | None,
    audit_key: Path | None,
    task: str | None,
) -> None:
    """Anonymize the recording IN into the windows stream OUT.

    OUT appears when it is complete. Where IN breaks off, OUT holds the windows before the
    damage, and the command says so and fails.

    With --task, it says how many windows got which label, each as `watch` would give it.
    """
    forbid_core_dumps()
    try:
        opened = open_recording(recording, time_unit=time_unit, sensor=sensor)
        if opened.sensor is None:
            raise click.ClickException(f"{recording}: says no sensor size, give --sensor")
        anonymizer = load_anonymizer(reference(model), device=device)  # type: ignore[arg-type]
        if audit_key:
            _insist_on_audit(anonymizer, audit_key)
        spec = fitting_spec(anonymizer.manifest, opened.sensor, Limits().window_bytes)
        tally = Tally()
        labels = _Labels(task, anonymizer.manifest) if task else None
        damage = _write(opened, spec, out, anonymizer, dtype, tally, labels)
    except (EventDataError, ModelError) as error:
        raise click.ClickException(str(error)) from None
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--audit-key") from None
    except DoesNotFit as error:
        raise click.ClickException(f"{recording}: {error}") from None
    except OSError as error:
        raise unusable(out, error) from None
    dropped = sum(tally.dropped.values())
    click.echo(
        f"{out}: {tally.windows - dropped} windows of {tally.events} events "
        f"({tally.outside} outside, {dropped} windows dropped)"
    )
    if labels:
        click.echo(labels.told())
    if damage:
        raise click.ClickException(str(damage))


class _Labels:
    """How many windows showed what, by what is written of them alone."""

    def __init__(self, task: str, manifest: Manifest) -> None:
        self._task = task
        self._recognition = Recognition(find(task, manifest, Repository()))
        self._counts: Counter[str] = Counter()

    def add(self, message: Message) -> None:
        recognized = self._recognition.add(message.metadata, message.tensor)
        self._counts[recognized.label if recognized else "nothing"] += 1

    def told(self) -> str:
        counts = (f"{label} {count}" for label, count in self._counts.most_common())
        return f"{self._task}: {', '.join(counts) or 'nothing'}"


def _insist_on_audit(anonymizer: Anonymizer, public_key: Path) -> None:
    """Fail unless the service would publish with this model under the policy ``required``."""
    config = AuditConfig(policy="required", public_key=public_key)
    name, folder = anonymizer.manifest.name, anonymizer.model.folder
    assert folder
    try:
        found = read_statement(folder, anonymizer.manifest, read_key(config))
    except ModelError as error:
        raise click.ClickException(f"{name}: {error}") from None
    audit = judge(found, config, utc_now())
    if audit.state != "passing":
        raise click.ClickException(f"{name}: audit {audit.state}: {audit.reason}")


def _write(
    recording: Recording,
    spec: WindowSpec,
    out: Path,
    anonymizer: Anonymizer,
    dtype: TensorType,
    tally: Tally,
    labels: _Labels | None,
) -> EventDataError | None:
    """Write the windows there are; returns what ended the recording early, if anything did."""
    with _whole(out) as file, _bar() as progress:
        # Events tell how far we are; the total takes a pass that only a bar is worth.
        total = _count(recording) if progress.console.is_terminal else None
        task = progress.add_task(recording.path.name, total=total)
        windows = anonymize_packets(
            recording.packets(),
            camera=recording.path.stem,
            spec=spec,
            anonymizer=anonymizer,
            tally=tally,
        )
        try:
            for message in windows:
                file.write(frame(message.encode(dtype)))
                if labels:
                    labels.add(message)
                progress.update(task, completed=tally.events)
        except EventDataError as error:
            return error
    return None


def _count(recording: Recording) -> int:
    def counts() -> Iterator[int]:
        packets: Iterator[Packet] = recording.packets()
        try:
            for events in packets:
                yield len(events)
        except EventDataError:
            return

    return sum(counts())


def _bar() -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name when it is complete, and not at all if writing fails."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as draft:
        try:
            yield draft.file
            draft.flush()
            os.fsync(draft.fileno())
            os.replace(draft.name, path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
