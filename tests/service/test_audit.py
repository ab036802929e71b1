"""What the service makes of its model's audit: judged, followed, shown and counted."""

import asyncio
import logging
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import manifest as manifests
from models.audit import Statement, publish, sign
from models.manifest import Manifest
from service import audit as audits
from service.audit import AuditState, AuditWatch, judge
from service.config import AuditConfig, Config, ConfigError
from service.service import Service
from tests.models.audits import KEY, OTHER_KEY, audited, rewritten, statement
from tests.models.onnx_models import manifest_fields

MANIFEST = Manifest.model_validate(manifest_fields())
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PUBLIC = KEY.public_key()
REQUIRED = AuditConfig(policy="required", public_key=Path("audit.pub"))


def at(age_s: float, **changes: Any) -> Statement:
    return statement(MANIFEST, finished=NOW - timedelta(seconds=age_s), **changes)


def limits(**values: Any) -> AuditConfig:
    return AuditConfig(limits=values)


# -- judging

DAY_S = 86_400
SUITES = ("quick", "nightly", "full")


@pytest.mark.parametrize(
    ("found", "config", "state"),
    [
        (at(0), REQUIRED, "passing"),
        (at(3 * DAY_S), REQUIRED, "passing"),
        (at(3 * DAY_S + 1), REQUIRED, "stale"),
        (at(3 * DAY_S + 1), AuditConfig(max_age_s=4 * DAY_S), "passing"),
        (at(61), AuditConfig(max_age_s=60), "stale"),
        (at(-300), REQUIRED, "passing"),
        (at(-301), REQUIRED, "untrusted"),
        (at(-301, verdict="leak"), REQUIRED, "untrusted"),
        (at(0, verdict="leak"), REQUIRED, "failing"),
        (at(9 * DAY_S, verdict="leak"), REQUIRED, "failing"),
        (at(0, verdict="leak", worst=None), REQUIRED, "failing"),
        (at(0, verdict="undecided"), REQUIRED, "undecided"),
        (at(9 * DAY_S, verdict="undecided", worst=None), REQUIRED, "undecided"),
        # The statement's worst attack: 16.5 % [11, 22.5], chance 14.5 %.
        (at(0), limits(top1=22.5), "passing"),
        (at(0), limits(top1=22.4), "failing"),
        (at(9 * DAY_S), limits(top1=22.4), "failing"),
        (at(0), limits(over_chance=8), "passing"),
        (at(0), limits(over_chance=7.9), "failing"),
        (at(0), limits(over_chance=8, top1=20), "failing"),
        (at(0, worst={"metric": "top5"}), limits(over_chance=8), "passing"),
        (at(0, worst={"metric": "top5"}), limits(top1=50), "undecided"),
        # Of the suites the shortest comes first; the statement's is the second.
        (at(0), limits(suite="quick"), "passing"),
        (at(0), limits(suite="nightly"), "passing"),
        (at(0), limits(suite="full"), "undecided"),
        (at(0, suite="full"), limits(suite="nightly"), "passing"),
        (at(9 * DAY_S, suite="quick"), limits(suite="nightly"), "undecided"),
        (at(0, suite="quick", verdict="leak"), limits(suite="nightly"), "failing"),
        (at(0, suite="quick"), limits(suite="nightly", top1=22.4), "failing"),
        # A limit of the service cannot make a leak pass.
        (at(0, verdict="leak"), limits(over_chance=100, top1=100), "failing"),
    ],
)
def test_what_a_statement_is_worth(found, config, state):
    now = judge(found, config, NOW)
    assert now.state == state
    assert now.statement == found
    assert now.reason.isprintable()


def test_what_could_not_be_verified_is_worth_what_it_was():
    for state in ("missing", "untrusted"):
        found = AuditState(state, "because")
        assert judge(found, REQUIRED, NOW) is found


@settings(max_examples=40)
@given(
    age_s=st.floats(-1e6, 1e6),
    verdict=st.sampled_from(["pass", "leak", "undecided"]),
    high=st.floats(11, 30),
    max_age_s=st.floats(1, 1e6),
    over_chance=st.none() | st.floats(0, 20),
    top1=st.none() | st.floats(0, 40),
    suite=st.sampled_from(SUITES),
    asked=st.none() | st.sampled_from(SUITES),
)
def test_only_a_fresh_pass_within_every_limit_passes(
    age_s, verdict, high, max_age_s, over_chance, top1, suite, asked
):
    said = at(age_s, verdict=verdict, worst={"high": high}, suite=suite)
    bounds = {"over_chance": over_chance, "top1": top1, "suite": asked}
    config = AuditConfig(max_age_s=max_age_s, limits=bounds)
    if judge(said, config, NOW).state == "passing":
        assert verdict == "pass"
        assert timedelta(minutes=-5) <= NOW - said.finished <= timedelta(seconds=max_age_s)
        assert over_chance is None or high - 14.5 <= over_chance
        assert top1 is None or high <= top1
        assert asked is None or SUITES.index(suite) >= SUITES.index(asked)


def test_a_reason_names_the_worst_attack_and_no_folder():
    failing = judge(at(0, verdict="leak"), REQUIRED, NOW)
    assert "retrain: top1 16.5 % [11.0, 22.5], chance 14.5 %" in failing.reason
    undecided = judge(
        at(0, verdict="undecided", reason="no recordings in /srv/secret"), REQUIRED, NOW
    )
    assert undecided.reason == "the log says why"
    short = judge(at(0, suite="quick"), limits(suite="nightly"), NOW)
    assert short.reason == "audit.limits.suite asks for nightly, this one is quick"


# -- following the manifest


class Watched:
    """A watch, and the time that it takes it to be."""

    def __init__(self, folder: Path, config: AuditConfig = REQUIRED, key: Any = PUBLIC) -> None:
        self.watch = AuditWatch(folder, manifests.read(folder / "manifest.json"), config, key)
        self.watch.clock = lambda: self.now
        self.now = datetime.now(UTC)

    def look(self) -> AuditState:
        self.watch.look()
        return self.watch.state


def test_before_anything_was_read_nothing_is_trusted(folder):
    audited(folder)
    assert Watched(folder).watch.state.state == "untrusted"


def test_a_nights_audit_is_noticed_and_so_is_its_age(folder):
    watched = Watched(folder)
    assert watched.look().state == "missing"
    said = audited(folder)
    assert watched.look() == AuditState("passing", watched.watch.state.reason, said)
    watched.now += timedelta(days=4)
    # Nobody looks, no file changes, and it is too old all the same.
    assert watched.watch.state.state == "stale"
    audited(folder, leaks=True, finished=watched.now)
    assert watched.look().state == "failing"
    audited(folder, finished=watched.now + timedelta(seconds=1))
    assert watched.look().state == "passing"


def test_a_file_that_did_not_change_is_not_read_again(folder, monkeypatch):
    audited(folder)
    watched = Watched(folder)
    assert watched.look().state == "passing"
    monkeypatch.setattr(audits.manifests, "read", lambda path: pytest.fail("was read again"))
    assert watched.look().state == "passing"


def test_an_audit_by_anybody_else_is_not_trusted(folder):
    audited(folder, OTHER_KEY)
    now = Watched(folder).look()
    assert (now.state, now.statement) == ("untrusted", None)
    assert now.reason == "was signed with another key"
    rewritten(folder, audit={"verdict": "pass"})
    assert Watched(folder).look().reason.startswith("cannot be read: ")


def test_without_a_key_no_audit_is_trusted_and_none_is_missing(folder):
    watched = Watched(folder, AuditConfig(), None)
    assert watched.look().state == "missing"
    audited(folder)
    assert watched.look() == AuditState("untrusted", "no key configured (audit.public_key)")


@pytest.mark.parametrize("change", [{"version": "2.0.0"}, {"output_step": 0.0078125}])
def test_another_manifest_than_the_one_that_runs_is_not_trusted(folder, change):
    audited(folder)
    watched = Watched(folder)
    assert watched.look().state == "passing"
    rewritten(folder, **change)
    now = watched.look()
    assert (now.state, now.statement) == ("untrusted", None)
    # Not even one that was audited itself.
    audited(folder)
    assert watched.look().state == "untrusted"
    assert Watched(folder).look().state == "passing"


@pytest.mark.parametrize("through", ["nothing", "a missing file", "no audit", "another model's"])
def test_an_earlier_audit_cannot_take_the_place_of_a_later_one(folder, through):
    earlier = audited(folder, age=timedelta(hours=1))
    passing = (folder / "manifest.json").read_bytes()
    watched = Watched(folder)
    assert watched.look().statement == earlier
    audited(folder, leaks=True)
    failing = (folder / "manifest.json").read_bytes()
    assert watched.look().state == "failing"
    if through == "a missing file":
        (folder / "manifest.json").unlink()
    elif through == "no audit":
        rewritten(folder, audit=None)
    elif through == "another model's":
        rewritten(folder, name="other")
    assert watched.look().state != "passing"
    (folder / "manifest.json").write_bytes(passing)
    now = watched.look()
    assert (now.state, now.reason) == ("untrusted", "is not later than one seen before")
    (folder / "manifest.json").write_bytes(failing)
    assert watched.look().state == "failing"


def test_of_two_audits_of_one_moment_the_first_counts(folder):
    moment = datetime.now(UTC)
    audited(folder, leaks=True, finished=moment)
    watched = Watched(folder)
    assert watched.look().state == "failing"
    audited(folder, finished=moment)
    assert watched.look().state == "untrusted"


def test_an_audit_of_the_future_is_not_trusted_until_it_is_not_of_the_future(folder):
    watched = Watched(folder)
    first = audited(folder, finished=watched.now + timedelta(minutes=10))
    assert watched.look().state == "untrusted"
    # Nor does it stand in the way of the next.
    audited(folder, finished=watched.now)
    assert watched.look().state == "passing"
    publish(folder, sign(first, KEY))
    assert watched.look().state == "untrusted"
    watched.now += timedelta(minutes=6)
    assert watched.look() == AuditState("passing", watched.watch.state.reason, first)
    # From then on it counts as seen.
    audited(folder, finished=watched.now - timedelta(minutes=1))
    assert watched.look().reason == "is not later than one seen before"


def broken(*_: Any) -> Any:
    raise RuntimeError("at /srv/secret")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b"\xff" * 2_000_000),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["gone", "empty", "cut", "huge", "folder"],
)
def test_a_manifest_that_cannot_be_read_is_not_trusted(folder, damage):
    audited(folder)
    whole = (folder / "manifest.json").read_bytes()
    watched = Watched(folder)
    assert watched.look().state == "passing"
    damage(folder / "manifest.json")
    now = watched.look()
    assert now.state == "untrusted"
    assert str(folder) not in now.reason
    path = folder / "manifest.json"
    if path.is_dir():
        path.rmdir()
    path.write_bytes(whole)
    assert watched.look().state == "passing"


@pytest.mark.parametrize("what", ["verify", "judge", "manifest_digest"])
def test_whatever_goes_wrong_is_no_passing_audit(folder, monkeypatch, what, caplog):
    audited(folder)
    watched = Watched(folder)
    with monkeypatch.context() as patch:
        patch.setattr(audits, what, broken)
        now = watched.look()
        assert now.state == "untrusted"
        assert "/srv/secret" not in now.reason
    assert watched.look().state == "passing"
    with monkeypatch.context() as patch:
        patch.setattr(watched.watch, "clock", broken)
        assert watched.watch.state.state == "untrusted"


def test_a_change_is_logged_once(folder, caplog):
    caplog.set_level(logging.INFO)

    def told() -> list[tuple[str, str]]:
        found = [(one.levelname, one.state) for one in caplog.records if one.message == "audit"]
        caplog.clear()
        return found

    for config, key, level in (
        (REQUIRED, PUBLIC, "ERROR"),
        (AuditConfig(), PUBLIC, "WARNING"),
        (AuditConfig(), None, "INFO"),
    ):
        rewritten(folder, audit=None)
        watched = Watched(folder, config, key)
        for _ in range(3):
            watched.look()
        assert told() == [(level, "missing")]
    watched = Watched(folder)
    audited(folder)
    watched.look()
    watched.now += timedelta(days=4)
    for _ in range(3):
        watched.look()
    assert told() == [("INFO", "passing"), ("ERROR", "stale")]


# -- in the service


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    monkeypatch.setattr(audits, "_POLL_S", 0.002)


async def test_the_model_says_what_its_audit_is_worth(serve, folder, public_key):
    said = audited(folder, age=timedelta(hours=2))
    service = await serve(audit={"public_key": public_key})
    answer = (await service.http.get("/v1/model")).json()
    audit = answer["audit"]
    assert 7200 <= audit.pop("age_s") < 7300
    assert audit == {
        "state": "passing",
        "reason": service.service.audit.state.reason,
        "verdict": "pass",
        "finished": said.model_dump(mode="json")["finished"],
        "suite": "nightly",
        "synthetic": True,
        "worst": said.worst.model_dump(),
    }
    assert answer["manifest"]["audit"]["statement"]["verdict"] == "pass"
    metrics = (await service.http.get("/metrics")).text.splitlines()
    assert 'anonynoise_audit_state{state="passing"} 1.0' in metrics
    assert sum(line.startswith("anonynoise_audit_state{") for line in metrics) == 7
    assert 'anonynoise_audit_state{state="failing"} 0.0' in metrics
    assert "anonynoise_audit_worst_upper 22.5" in metrics
    assert "anonynoise_audit_expected 1.0" in metrics
    (age,) = (line for line in metrics if line.startswith("anonynoise_audit_age_seconds "))
    assert 7200 <= float(age.split()[1]) < 7300


async def test_what_cannot_be_verified_is_not_repeated(serve, folder):
    audited(folder)
    service = await serve()
    audit = (await service.http.get("/v1/model")).json()["audit"]
    assert (audit.pop("state"), audit.pop("reason")) == (
        "untrusted",
        "no key configured (audit.public_key)",
    )
    assert set(audit.values()) == {None}
    metrics = (await service.http.get("/metrics")).text.splitlines()
    assert "anonynoise_audit_expected 0.0" in metrics
    for name in ("anonynoise_audit_age_seconds", "anonynoise_audit_worst_upper"):
        (line,) = (line for line in metrics if line.startswith(f"{name} "))
        assert math.isnan(float(line.split()[1]))


@pytest.mark.parametrize("policy", ["warn", "off"])
async def test_other_policies_publish_whatever_the_audit_says(
    serve, camera, folder, public_key, policy
):
    audited(folder, leaks=True)
    service = await serve(
        audit={"policy": policy, "public_key": public_key},
        cameras=[{"id": "hall", "url": camera.url}],
    )
    await camera.connected()
    camera.send_windows(0)
    await service.until("hall", lambda status: status.windows == 1)
    assert (await service.http.get("/health/ready")).status_code == 200
    assert (await service.http.get("/v1/cameras/hall/windows/latest")).status_code == 200
    state = (await service.http.get("/v1/model")).json()["audit"]["state"]
    assert state == {"warn": "failing", "off": "off"}[policy]
    if policy == "warn":
        audited(folder)
        await service.until_audit("passing")


async def test_a_container_that_waits_for_an_audit_is_healthy(serve, public_key):
    # Else docker compose starts none of what depends on it, and others kill it again and again.
    service = await serve(audit={"policy": "required", "public_key": public_key})
    assert (await service.http.get("/health/ready")).status_code == 503
    check = await asyncio.create_subprocess_exec(
        *(sys.executable, Path(__file__).parents[2] / "deploy/container/healthcheck.py"),
        env={"ANONYNOISE_LISTEN": f"0.0.0.0:{service.http.base_url.port}"},
    )
    assert await check.wait() == 0


async def test_a_file_that_is_no_key_is_told_at_once(tmp_path):
    (tmp_path / "audit.pub").write_text("?")
    for policy in ("warn", "required"):
        config = Config(audit={"policy": policy, "public_key": tmp_path / "audit.pub"})
        with pytest.raises(ConfigError, match=r"audit.public_key: .*audit.pub: is no public"):
            Service(config)
    Service(Config(audit={"policy": "off", "public_key": tmp_path / "audit.pub"}))


async def test_a_watch_that_ended_is_no_passing_audit(serve, folder, public_key, monkeypatch):
    audited(folder)
    service = await serve(audit={"policy": "required", "public_key": public_key})
    assert service.service.not_ready is None
    monkeypatch.setattr(service.service.audit, "look", broken)
    await service.until_audit("untrusted")
    ready = await service.http.get("/health/ready")
    assert ready.status_code == 503
    assert "nobody looks at it any more" in ready.json()["reason"]
