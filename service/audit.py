"""What the model's audit is worth now: read from the model's folder, verified and judged.

The audit job renames a new ``manifest.json`` into the folder of the model that is running.
:class:`AuditWatch` notices, and :func:`judge` says what it means under the service's policy.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models import manifest as manifests
from models.audit import (
    SUITES,
    Statement,
    Suite,
    Worst,
    manifest_digest,
    read_public_key,
    verify,
)
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import MANIFEST_FILE
from service.config import AuditConfig, ConfigError
from service.reason import text_without_paths

log = logging.getLogger(__name__)

AuditWord = Literal["passing", "failing", "stale", "undecided", "missing", "untrusted", "off"]

_POLL_S = 2.0
#: How far the audit job's clock may be ahead of ours.
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class AuditState:
    """What the audit is worth, why, and what it says where its signature holds.

    ``reason`` is one line without paths, and stays as it is for as long as the state does.
    """

    state: AuditWord
    reason: str
    statement: Statement | None = None

    def age_s(self, now: datetime) -> float | None:
        """How long ago the audit finished, None without one that can be verified."""
        return (now - self.statement.finished).total_seconds() if self.statement else None


OFF = AuditState("off", "the policy is off: audits are not looked at")


def judge(found: Statement | AuditState, config: AuditConfig, now: datetime) -> AuditState:
    """What ``found`` is worth at ``now``: a verified statement, or why there is none.

    A leak is failing however old it is. ``config.limits`` are held against the worst attack's
    upper bound beside the audit's own limit, never in its place; a bound that cannot be held
    against them is undecided, and so is one of a shorter suite than they ask for.
    """
    if isinstance(found, AuditState):
        return found
    if found.finished > now + _CLOCK_SKEW:
        return AuditState("untrusted", "is dated in the future", found)
    if found.verdict == "leak":
        return AuditState("failing", _leak(found), found)
    if found.verdict == "undecided":
        return AuditState("undecided", text_without_paths(found.reason), found)
    if found.worst is None:
        return AuditState("undecided", "no attack came to an end", found)
    if problem := _beyond_limits(found.worst, config) or _too_short(found.suite, config):
        return AuditState(*problem, found)
    if now - found.finished > timedelta(seconds=config.max_age_s):
        return AuditState(
            "stale",
            f"finished {found.finished:%Y-%m-%d %H:%M} UTC, "
            f"more than audit.max_age_s {config.max_age_s:g} ago",
            found,
        )
    return AuditState("passing", _figures(found.worst), found)


def _figures(worst: Worst) -> str:
    return (
        f"worst attack {worst.attack}: {worst.metric} {worst.value:.1f} % "
        f"[{worst.low:.1f}, {worst.high:.1f}], chance {worst.chance:.1f} %, "
        f"limit {worst.limit:.1f} %"
    )


def _leak(statement: Statement) -> str:
    return _figures(statement.worst) if statement.worst else text_without_paths(statement.reason)


def _beyond_limits(worst: Worst, config: AuditConfig) -> tuple[AuditWord, str] | None:
    limits = config.limits
    if limits.over_chance is not None and worst.high - worst.chance > limits.over_chance:
        return "failing", (
            f"{_figures(worst)}; audit.limits.over_chance {limits.over_chance:g} points"
        )
    if limits.top1 is None:
        return None
    if worst.metric != "top1":
        return "undecided", f"audit.limits.top1 is set, and the audit's metric is {worst.metric}"
    if worst.high > limits.top1:
        return "failing", f"{_figures(worst)}; audit.limits.top1 {limits.top1:g} %"
    return None


def _too_short(suite: Suite, config: AuditConfig) -> tuple[AuditWord, str] | None:
    asked = config.limits.suite
    if asked is None or SUITES.index(suite) >= SUITES.index(asked):
        return None
    return "undecided", f"audit.limits.suite asks for {asked}, this one is {suite}"


def read_key(config: AuditConfig) -> Ed25519PublicKey | None:
    """The key that audits are verified with. Raises :class:`ConfigError` if it cannot be read."""
    if config.policy == "off" or config.public_key is None:
        return None
    try:
        return read_public_key(config.public_key)
    except ModelError as error:
        raise ConfigError(f"audit.public_key: {error}") from None


def read_statement(
    folder: Path, running: Manifest, public_key: Ed25519PublicKey | None
) -> Statement | AuditState:
    """The statement in ``folder`` about the model that is ``running``, or why there is none.

    For :func:`judge`. Raises :class:`ModelError` for a manifest or audit that cannot be read.
    """
    manifest = manifests.read(folder / MANIFEST_FILE)
    if manifest_digest(manifest) != manifest_digest(running):
        return AuditState("untrusted", "the manifest is not the one that is running")
    if manifest.audit is None:
        return AuditState("missing", "the model has no audit")
    if public_key is None:
        return AuditState("untrusted", "no key configured (audit.public_key)")
    return verify(manifest.audit, running, public_key)


def utc_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


class AuditWatch:
    """Follows the manifest in the folder of the model that is running.

    Fails closed: whatever goes wrong here is an audit that cannot be trusted. Three tricks of
    somebody who can write that folder but not sign are caught: another manifest, an audit of
    something else, and, as long as the process lives, an earlier audit put back in the place of
    a later one.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        config: AuditConfig,
        public_key: Ed25519PublicKey | None,
    ) -> None:
        #: What time it is, in UTC.
        self.clock: Callable[[], datetime] = utc_now
        self._path = folder / MANIFEST_FILE
        self._manifest = manifest
        self._config = config
        self._public_key = public_key
        self._found: Statement | AuditState = AuditState("untrusted", "has not been read yet")
        #: What the log is told beside the state; it may hold a path.
        self._details: str | None = None
        self._newest: Statement | None = None
        #: Which file was read; None where it must be read again whatever it is.
        self._seen: tuple[int, ...] | None = None
        self._told: AuditState | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def expected(self) -> bool:
        """Whether an audit of the model could be verified, so that one is waited for."""
        return self._public_key is not None

    @property
    def state(self) -> AuditState:
        """What the audit that was last read is worth this very moment."""
        if self._config.policy == "off":
            return OFF
        if self._task and self._task.done():
            return AuditState("untrusted", "nobody looks at it any more")
        try:
            return judge(self._found, self._config, self.clock())
        except Exception as error:
            return AuditState("untrusted", f"cannot be judged: {type(error).__name__}")

    def start(self) -> None:
        """Look now, and again and again from now on."""
        self.look()
        if self._config.policy != "off":
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            # In a thread: a folder on the network may make us wait, and windows must not.
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Read the manifest if it is another than before, and log what that changes."""
        if self._config.policy != "off":
            try:
                self._read_if_changed()
            except ModelError as error:
                self._distrust(text_without_paths(error.problem), str(error))
            except Exception as error:
                self._distrust(f"cannot be read: {type(error).__name__}", str(error))
        self._tell(self.state)

    def _distrust(self, reason: str, details: str) -> None:
        self._found = AuditState("untrusted", reason)
        self._details = details
        self._seen = None

    def _read_if_changed(self) -> None:
        about = self._path.stat()
        seen = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        if seen == self._seen:
            return
        # Before it is read: what is renamed into its place meanwhile is found the next time.
        self._seen = seen
        self._found = found = self._admitted(
            read_statement(self._path.parent, self._manifest, self._public_key)
        )
        self._details = None if isinstance(found, AuditState) else found.reason

    def _admitted(self, found: Statement | AuditState) -> Statement | AuditState:
        """``found``, unless it would undo a later audit."""
        if isinstance(found, AuditState):
            return found
        if found.finished > self.clock() + _CLOCK_SKEW:
            # To be read again: it may be our clock that is late.
            self._seen = None
            return found
        newest = self._newest
        if newest and found != newest and found.finished <= newest.finished:
            return AuditState("untrusted", "is not later than one seen before", found)
        self._newest = found
        return found

    def _tell(self, state: AuditState) -> None:
        if state == self._told:
            return
        self._told = state
        if state.state in ("passing", "off"):
            level = logging.INFO
        elif self._config.policy == "required":
            level = logging.ERROR
        else:
            # Without a key nobody has asked for a verdict.
            level = logging.WARNING if self._public_key else logging.INFO
        log.log(
            level,
            "audit",
            extra={"state": state.state, "reason": state.reason, "details": self._details},
        )
