import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.errors import ModelError
from tests.training.enrolment.makers import consent_file
from training.enrolment.consent import VERSION, consent_text, filed, text_sha256, typed

#: Of the texts of this version; one that changes needs another version.
SHA256 = {
    False: "c79728e4e89a1c8fe5f4eb17f7bc96fe7490216b9f7385ffaf3696d5f5672030",
    True: "06a130af8dc5f78b55640fe5a336381defd19012a9e73bcd35b25f5c2a6d6978",
}


@pytest.mark.parametrize("keep", [True, False])
def test_a_text_does_not_change_within_its_version(keep: bool) -> None:
    text = consent_text(keep)
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256[keep] == text_sha256(keep)
    assert VERSION == 3 and "(version 3)" in text


def test_the_text_says_how_long() -> None:
    assert "NOT delete" in consent_text(True)
    assert "Until an audit has come to a verdict; then it deletes" in consent_text(False)
    for keep in (True, False):
        assert "Raw events" in consent_text(keep) and "enrol withdraw" in consent_text(keep)


def test_the_words_are_consent() -> None:
    before = datetime.now(UTC)
    consent = typed(" I CONSENT \n", keep=True)
    assert consent is not None and consent.how == "typed" and consent.version == VERSION
    assert consent.text_sha256 == text_sha256(True)
    assert before <= consent.given_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "answer", ["", " ", "y", "yes", "Y", "ok", "I DO NOT CONSENT", "CONSENT", "i consent", "I"]
)
def test_nothing_else_is(answer: str) -> None:
    assert typed(answer, keep=False) is None


def test_a_file_is_the_consent_of_one_person_to_one_text(tmp_path: Path) -> None:
    path = consent_file(tmp_path / "consent.json")
    consent = filed(path, "Ada", keep=False)
    assert consent.how == "file" and consent.given_at == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    with pytest.raises(ModelError, match=r"consent\.json: subject: .* somebody else"):
        filed(path, "Eve", keep=False)
    with pytest.raises(ModelError, match=r"text_sha256: is the consent to another text"):
        filed(path, "Ada", keep=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("answer", "yes"),
        ("answer", None),
        ("given_at", "2026-01-02T03:04:00"),
        ("given_at", (datetime.now(UTC) + timedelta(days=1)).isoformat()),
        ("given_at", ""),
        ("subject", "Ada\n"),
        ("more", 1),
    ],
)
def test_a_file_that_says_something_else_is_none(tmp_path: Path, field: str, value: object) -> None:
    path = consent_file(tmp_path / "consent.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(ModelError, match=rf"consent\.json: {field}"):
        filed(path, "Ada", keep=False)


@pytest.mark.parametrize("text", ["", "I CONSENT", "[]", "{}"])
def test_a_file_without_consent_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "consent.json").write_text(text)
    with pytest.raises(ModelError, match=r"consent\.json"):
        filed(tmp_path / "consent.json", "Ada", keep=False)
