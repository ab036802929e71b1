"""``anonynoise enrol``: record consenting people, encrypted, for the audit."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from events.core_dumps import forbid_core_dumps
from training.enrolment import private_file
from training.enrolment.camera import Camera
from training.enrolment.consent import ANSWER, Consent, consent_text, filed, text_sha256, typed
from training.enrolment.recording import Taken, record
from training.enrolment.sealed import Sealer
from training.enrolment.secret import KEY_VARIABLE, PASSPHRASE_VARIABLE, KeyFile, Passphrase, Secret
from training.enrolment.session import Person, PersonRecord, Session
from training.enrolment.session_folder import SESSION, workplace
from training.enrolment.session_folder import delete as delete_session
from training.errors import TrainingError
from training.one_line import one_line

_FOLDER = click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))


def _line(_: click.Context, __: click.Parameter, text: str) -> str:
    text = text.strip()
    if not text or len(text) > 200 or not text.isprintable():
        raise click.BadParameter("one printable line of at most 200 characters")
    return text


def _secret_options(command: Callable[..., Any]) -> Callable[..., Any]:
    key = click.option(
        "--key",
        "key_file",
        envvar=KEY_VARIABLE,
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Key file, made by the first recording. [env: {KEY_VARIABLE}]",
    )
    passphrase = click.option(
        "--passphrase",
        "ask",
        is_flag=True,
        help=f"Ask for a passphrase instead. [env, the words: {PASSPHRASE_VARIABLE}]",
    )
    return key(passphrase(command))


def _secret(folder: Path, key_file: Path | None, ask: bool) -> Secret:
    text = os.environ.get(PASSPHRASE_VARIABLE)
    if key_file is not None and not ask and not text:
        if key_file.resolve().is_relative_to(folder.resolve()):
            raise TrainingError("a key beside what it opens protects nothing", source=str(key_file))
        return KeyFile(key_file)
    if key_file is None and text:
        return Passphrase(text)
    if key_file is None and ask:
        is_new = not (folder / SESSION).exists()
        return Passphrase(
            click.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
        )
    raise TrainingError("give one of --key and --passphrase", field="enrolment's key")


@click.group()
def enrol() -> None:
    """Record consenting people, encrypted, for the audit to attack the anonymizer with.

    Example: anonynoise enrol list session --key ~/enrol.key
    """


@enrol.command()
@click.option("--keep", is_flag=True, help="For recordings that outlive the audit.")
def text(keep: bool) -> None:
    """Show what people consent to, and its hash for a consent file.

    Example: anonynoise enrol text
    """
    click.echo(consent_text(keep))
    click.echo(f"text_sha256: {text_sha256(keep)}")


@enrol.command("record")
@click.argument("url")
@_FOLDER
@_secret_options
@click.option("--subject", callback=_line, required=True, help="Name or pseudonym of the person.")
@click.option("--label", callback=_line, required=True, help="What the person will show.")
@click.option("--lighting", callback=_line, required=True, help="The light, in words.")
@click.option(
    "--split", type=click.Choice(["train", "test"]), required=True,
    help="What the audit uses this person for.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, 3600, min_open=True), default=30.0, show_default=True
)
@click.option(
    "--consent-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Consent given elsewhere: JSON with subject, text_sha256, given_at (UTC) and answer, "
    f'"{ANSWER}".',
)
@click.option("--keep", is_flag=True, help="Audits do not delete the session; people are told so.")
def record_command(
    url: str,
    folder: Path,
    key_file: Path | None,
    ask: bool,
    subject: str,
    label: str,
    lighting: str,
    split: str,
    seconds: float,
    consent_file: Path | None,
    keep: bool,
) -> None:
    """Record raw events of one consenting person from the camera URL into the session OUT.

    The camera (dv://HOST:PORT, raw://HOST:PORT) is not opened before the person has read the text
    and typed the answer. Names, labels and events are encrypted; nothing else reaches the disk.
    Ctrl-C ends a recording; it is thrown away unless you say otherwise.

    Example: anonynoise enrol record dv://127.0.0.1:7777 session --key ~/enrol.key
    --subject Ada --label right_hand_wave --lighting led --split train
    """
    forbid_core_dumps()
    with one_line():
        camera = Camera(url)
        secret = _secret(folder, key_file, ask)
        with workplace(folder) as draft:
            begin: Callable[[], None] | None = None
            if (folder / SESSION).exists():
                session = Session.open(folder, secret)
                if session.keep != keep:
                    said = "outlive" if session.keep else "do not outlive"
                    raise TrainingError(
                        f"people were told that recordings {said} the audit",
                        source=str(folder),
                        field="--keep",
                    )
            else:
                session, begin = Session.new(folder, secret, keep)
            person = session.person(subject)
            if person is None:
                consent = _consent(subject, keep, consent_file)
                parts = {"subject": subject, "split": split, "consent": consent}
                person = session.new_person(PersonRecord.model_validate(parts))
            else:
                _check_known(person, split)
            taken = _record(camera, session, person, draft, label, lighting, seconds, begin)
    click.echo(
        f"{taken.events:,} events over {taken.span_us / 1e6:.2f} s of {subject}, encrypted in "
        f"{person.folder}"
    )


def _check_known(person: Person, split: str) -> None:
    known = person.record
    if known.split != split:
        raise TrainingError(
            f"{known.subject} is in the split {known.split}, and nobody is in both",
            field="--split",
        )
    given_at = known.consent.given_at
    click.echo(f"{known.subject} consented on {given_at:%Y-%m-%d %H:%M} UTC.", err=True)


def _consent(subject: str, keep: bool, path: Path | None) -> Consent:
    """The consent of ``subject``. Raises :class:`ModelError` where there is none."""
    if path is not None:
        consent = filed(path, subject, keep)
        click.echo(f"{subject} consented on {consent.given_at:%Y-%m-%d %H:%M} UTC ({path}).")
        return consent
    if not sys.stdin.isatty():
        raise TrainingError(
            "is typed at a terminal by the person; elsewhere give --consent-file", field="consent"
        )
    click.echo(consent_text(keep))
    click.echo(f"Name stored with the recordings: {subject}")
    answer = click.prompt(
        f"To agree type {ANSWER}; anything else ends this", default="", show_default=False
    )
    given = typed(answer, keep)
    if given is None:
        raise TrainingError("was not given, nothing was recorded", field="consent")
    return given


def _record(
    camera: Camera,
    session: Session,
    person: Person,
    draft: Path,
    label: str,
    lighting: str,
    seconds: float,
    begin: Callable[[], None] | None,
) -> Taken:
    with private_file.create(draft / "events") as file:
        sealer = Sealer(file)
        with _signals() as received, _progress(label, seconds) as progress:
            taken = record(
                camera, sealer, label, lighting, seconds,
                stop=lambda: bool(received), progress=progress,
            )  # fmt: skip
        if taken.stopped and not _wanted(taken, received):
            raise TrainingError("was stopped, nothing was kept", field="recording")
        if begin:
            begin()
        session.commit(person, draft, sealer)
    return taken


def _wanted(taken: Taken, received: list[int]) -> bool:
    """Whether a recording that was stopped is to be kept; only a person can say so."""
    if not taken.events or received[0] != signal.SIGINT or not sys.stdin.isatty():
        return False
    return click.confirm(f"Keep the {taken.span_us / 1e6:.1f} s recorded so far?", default=False)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that arrived; none of them interrupts what is being written."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda got, _: received.append(got)) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(label: str, seconds: float) -> Iterator[Callable[[Taken], None]]:
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("recording {task.description}"), BarColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[taken]}"),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(label, total=seconds, taken="waiting for events")

        def show(taken: Taken) -> None:
            span_s = taken.span_us / 1e6
            said = f"{span_s:.1f} of {seconds:g} s, {taken.events:,} events"
            progress.update(task, completed=span_s, taken=said)

        yield show


@enrol.command("list")
@_FOLDER
@_secret_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(folder: Path, key_file: Path | None, ask: bool, as_json: bool) -> None:
    """Who is in the session OUT, with what consent and which recordings.

    Example: anonynoise enrol list session --key ~/enrol.key
    """
    with one_line():
        session = Session.open(folder, _secret(folder, key_file, ask))
        people = [
            {
                "id": person.id,
                **person.record.model_dump(mode="json"),
                "recordings": [one.about().model_dump(mode="json") for one in person.recordings()],
            }
            for person in session.people()
        ]
    if as_json:
        click.echo(json.dumps({"keep": session.keep, "people": people}, indent=1))
        return
    for known in people:
        consent, shown = known["consent"], known["recordings"]
        click.echo(
            f"{known['subject']}  {known['split']}  consented {consent['given_at']} to version "
            f"{consent['version']} ({consent['how']})  {len(shown)} recordings"
        )
        for one in shown:
            click.echo(f"  {one['label']}  {one['lighting']}  {one['recorded_at']}")


@enrol.command()
@_FOLDER
@_secret_options
@click.option("--subject", callback=_line, required=True, help="The name given when recording.")
def withdraw(folder: Path, key_file: Path | None, ask: bool, subject: str) -> None:
    """Delete one person's recordings and consent from the session OUT, the key to them first.

    Example: anonynoise enrol withdraw session --key ~/enrol.key --subject Ada
    """
    with one_line():
        session = Session.open(folder, _secret(folder, key_file, ask))
        person = session.person(subject)
        if person is None:
            raise TrainingError(f"has nobody called {subject}", source=str(folder))
        session.withdraw(person)
    click.echo(f"{subject} is no longer in {folder}")


@enrol.command("delete")
@_FOLDER
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_command(folder: Path, yes: bool) -> None:
    """Delete the session OUT: its key first, then all recordings. No key is needed.

    A key file elsewhere stays; it opens nothing more.

    Example: anonynoise enrol delete session
    """
    if not yes:
        click.confirm(f"Delete everything recorded in {folder}?", abort=True)
    with one_line():
        delete_session(folder)
    click.echo(f"{folder} is deleted")
