"""The trial of the audit: what is known of the models, and that a trial is gone on with."""

import json
from types import MappingProxyType

import numpy as np
import pytest
from click.testing import CliRunner

from models.anonymizer import Anonymizer
from models.errors import ModelError
from models.verdict import Anonymized
from tests.training.audit.people import people
from tests.training.audit.test_audit import CROWD, SMALL, settings
from training.audit import audit as audits
from training.audit import trial as trials
from training.audit.known_models import KNOWN, constant, mirrored, noisy, pass_through
from training.audit.trial import table, trial
from training.audit.trial_command import MODELS, command
from training.errors import TrainingError
from training.lock import locked


@pytest.fixture(autouse=True)
def small_effort(monkeypatch):
    monkeypatch.setattr(audits, "EFFORT", MappingProxyType({"quick": SMALL}))


def published(model, windows):
    """What the service would publish; None where it would drop a window."""
    results = Anonymizer(model, threads=1).anonymize(windows)
    return [one.tensor if isinstance(one, Anonymized) else None for one in results]


def test_what_is_said_of_the_known_models_is_so():
    windows = np.random.default_rng(0).poisson(1.0, (2, 10, 16, 16)).astype(np.float32)
    np.testing.assert_array_equal(published(mirrored(), windows), 3.5 - windows)
    np.testing.assert_array_equal(published(constant(), windows), np.full_like(windows, 3.5))
    spread = np.std(np.array(published(noisy(), windows)) - windows)
    assert spread == pytest.approx(4.0, rel=0.1)
    with pytest.raises(ModelError):
        Anonymizer(pass_through(), threads=1).self_test()
    assert {name for name, (_, leaks) in KNOWN.items() if not leaks} == {"constant"}
    assert tuple(KNOWN) == MODELS
    assert all(make().manifest.name == name for name, (make, _) in KNOWN.items())


def test_a_trial_is_right_and_is_gone_on_with(tmp_path, monkeypatch):
    attacked = settings(tmp_path / "work", noisy())
    models = ("mirrored", "pass-through", "constant")
    found = trial(models, 1, CROWD, True, attacked, tmp_path)
    assert [(one.model, one.seed, one.right) for one in found.outcomes] == [
        (name, 0, True) for name in models
    ]
    assert [one.verdict for one in found.outcomes[:2]] == ["leak", "leak"]
    assert "| constant | no | 1 | 0 |" in table(found)
    assert (tmp_path / "trial.md").read_text() == table(found)

    asked = []

    def again(model, dataset, synthetic, given):
        asked.append((model.manifest.name, given.seed))
        raise TrainingError("enough")

    monkeypatch.setattr(trials, "audit", again)
    with pytest.raises(TrainingError, match="enough"):
        trial(models, 2, CROWD, True, attacked, tmp_path)
    assert asked == [("mirrored", 1)]
    assert trial(models, 1, CROWD, True, attacked, tmp_path) == found


def test_a_trial_of_other_data_is_not_gone_on_with(tmp_path):
    attacked = settings(tmp_path / "work", noisy())
    trial(("pass-through",), 1, CROWD, True, attacked, tmp_path)
    with pytest.raises(TrainingError, match="other data"):
        trial(("pass-through",), 1, people(subjects=12, tests=6), True, attacked, tmp_path)
    (tmp_path / "trial.json").write_text(json.dumps({"suite": "slow"}))
    with pytest.raises(TrainingError, match=r"trial\.json: suite: "):
        trial(("pass-through",), 1, CROWD, True, attacked, tmp_path)


def test_verdicts_are_counted(tmp_path):
    outcome = trials.Outcome(
        model="gaussian-4", leaks=True, seed=0, verdict="leak", reason="", worst=None,
        commit=None, device="CPU", duration_s=1.0,
    )  # fmt: skip
    told = trials.Trial(
        suite="quick", data="people", data_digest="0" * 64, synthetic=True, command="",
        outcomes=(
            outcome,
            outcome.model_copy(update={"verdict": "undecided"}),
            outcome.model_copy(update={"model": "constant", "leaks": False, "verdict": "pass"}),
            outcome.model_copy(update={"model": "constant", "leaks": False}),
        ),
    )  # fmt: skip
    assert "| gaussian-4 | yes | 2 | 1 | 1 | 0 | 1 of 2 |" in table(told)
    assert "| constant | no | 2 | 1 | 0 | 1 | 1 of 2 |" in table(told)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    done = CliRunner().invoke(command, ["--data", str(tmp_path / "none"), "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1 and "none" in done.stderr


def test_people_who_agreed_to_an_audit_are_not_tried_on(tmp_path):
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "session.json").write_text("{}")
    given = ["--data", str(tmp_path / "session"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 2
    assert done.stderr.endswith("session: was recorded for an audit, which a trial is not\n")
    assert not (tmp_path / "out").exists()


def test_two_trials_do_not_write_one_table(tmp_path, monkeypatch):
    monkeypatch.setattr("training.audit.data.load", lambda *_: (CROWD, True))
    given = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        done = CliRunner().invoke(command, given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {tmp_path / 'out'}: is in use by another command\n"
