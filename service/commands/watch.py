"""``anonynoise watch``."""

import asyncio
import json
import os
from contextlib import aclosing
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from service.app import AuditInfo
from service.status import CameraStatus, Recognized
from service.watch import SeenWindow, ServiceClient, ServiceGone, ServiceRefused, TokenRefused
from service.watch_labels import Labels
from service.watch_screen import screen

_POLL_S = 1.0
_DRAW_S = 0.25


@click.command(epilog="Example: anonynoise watch http://127.0.0.1:8080 --camera hall")
@click.argument("url")
@click.option("--camera", metavar="ID", help="Whose windows; default: the first camera.")
@click.option(
    "--token-env",
    metavar="NAME",
    default="ANONYNOISE_TOKEN",
    show_default=True,
    help="Environment variable that holds the token, if the service asks for one.",
)
@click.option(
    "--task",
    metavar="gesture|emotion",
    help="Say what the windows show, with this machine's classifier for the service's model.",
)
@click.option(
    "--classifier",
    metavar="NAME|FOLDER",
    help="Choose it, even one that was trained on another model's output.",
)
@click.option("--windows", type=click.IntRange(min=1), help="End after this many windows.")
@click.option("--json", "as_json", is_flag=True, help="One line a window, without its tensor.")
def command(
    url: str,
    camera: str | None,
    token_env: str,
    task: str | None,
    classifier: str | None,
    windows: int | None,
    as_json: bool,
) -> None:
    """Watch a service's cameras, and the anonymized windows of one of them.

    With --task, every window gets a label: the most probable class of the mean over the last
    windows, as many as fit in a second and a half, one at least, and that mean as its
    probability.

    A token is read from the environment, never from the command line, where other users of
    this machine could see it.
    """
    try:
        client = ServiceClient(url, os.environ.get(token_env) or None)
        labels = Labels(client, task, classifier) if task or classifier else None
        asyncio.run(_watch(client, camera, labels, windows, as_json))
    except TokenRefused as error:
        raise click.ClickException(f"{error}, which is read from ${token_env}") from None
    except (ValueError, ServiceGone, ServiceRefused) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        pass


async def _watch(
    client: ServiceClient,
    camera: str | None,
    labels: Labels | None,
    windows: int | None,
    as_json: bool,
) -> None:
    async with client:
        statuses = await client.cameras()
        known = [status.id for status in statuses]
        if camera is not None and camera not in known:
            raise ServiceRefused(f"{client.url}: no such camera: {camera}")
        if as_json:
            if not known:
                raise ServiceRefused(f"{client.url}: the service has no cameras")
            await _print_lines(client, camera or known[0], labels, windows)
        else:
            await _Screen(client, camera, statuses, labels).run(windows)


async def _print_lines(
    client: ServiceClient, camera: str, labels: Labels | None, most: int | None
) -> None:
    count = 0
    warning = None
    async with aclosing(client.windows(camera)) as seen:
        async for window in seen:
            line = window.header()
            if labels:
                recognized = await labels.of(window)
                line["label"] = recognized and recognized.label
                line["probability"] = recognized and recognized.probability
                if labels.warning and labels.warning != warning:
                    click.echo(f"Warning: {labels.warning}", err=True)
                warning = labels.warning
            click.echo(json.dumps(line, sort_keys=True))
            count += 1
            if count == most:
                return


class _Screen:
    """Polls, follows and draws at once; only the newest window is ever drawn."""

    def __init__(
        self,
        client: ServiceClient,
        camera: str | None,
        statuses: list[CameraStatus],
        labels: Labels | None,
    ) -> None:
        self._client = client
        self._labels = labels
        self._recognized: Recognized | None = None
        self._camera = camera or next((status.id for status in statuses), None)
        self._statuses = statuses
        self._window: SeenWindow | None = None
        self._audit: AuditInfo | None = None
        self._problem: str | None = None
        self._listed = asyncio.Event()

    def __rich__(self) -> Any:
        problem = self._problem or self._client.problem
        return screen(
            self._client.url,
            self._statuses,
            self._camera,
            self._window,
            problem,
            audit=self._audit,
            recognized=self._recognized,
            warning=self._labels.warning if self._labels else None,
        )

    async def run(self, most: int | None) -> None:
        """Until ``most`` windows have come, for ever with None."""
        with Live(self, console=Console(), auto_refresh=False) as live:
            try:
                async with asyncio.TaskGroup() as tasks:
                    beside = [tasks.create_task(self._poll()), tasks.create_task(self._draw(live))]
                    await self._follow(most)
                    for task in beside:
                        task.cancel()
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            live.refresh()

    async def _poll(self) -> None:
        while True:
            try:
                self._statuses = await self._client.cameras()
                self._problem = None
                self._audit = await self._client.audit()
            except ServiceGone as error:
                self._problem = str(error)
            if self._camera is None and self._statuses:
                self._camera = self._statuses[0].id
            if self._camera is not None:
                self._listed.set()
            await asyncio.sleep(_POLL_S)

    async def _draw(self, live: Live) -> None:
        while True:
            live.refresh()
            await asyncio.sleep(_DRAW_S)

    async def _follow(self, most: int | None) -> None:
        await self._listed.wait()
        assert self._camera is not None
        count = 0
        async with aclosing(self._client.windows(self._camera)) as seen:
            async for window in seen:
                self._window = window
                if self._labels:
                    self._recognized = await self._labels.of(window)
                count += 1
                if count == most:
                    return
