"""What of a report is signed and goes into the model's manifest."""

from models.audit import Statement
from training.audit.report import Report

_LONGEST = 200


def statement(report: Report, report_sha256: str) -> Statement:
    """The statement of ``report``, whose JSON document has the hash ``report_sha256``."""
    kind = "synthetic" if report.data.synthetic else "recorded"
    people = report.data.train["subjects"] + report.data.test["subjects"]
    return Statement(
        schema_version=1,
        model=report.model.name,
        model_sha256=report.model.sha256,
        manifest_sha256=report.model.manifest_sha256,
        verdict=report.verdict,
        reason=report.reason[:_LONGEST],
        suite=report.suite,
        data=f"{report.data.name} ({kind}), {people} people"[:_LONGEST],
        synthetic=report.data.synthetic,
        finished=report.finished,
        worst=report.worst,
        report_sha256=report_sha256,
    )
