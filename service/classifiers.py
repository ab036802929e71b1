"""Which classifier reads which model's windows."""

from collections.abc import Sequence
from pathlib import Path

from models.classifier import Classifier, find_classifier, load_classifier
from models.classifier_manifest import ClassifierManifest
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import Repository, reference


def fitting(anonymizer: Manifest, repository: Repository) -> list[ClassifierManifest]:
    """The repository's classifiers that were trained on what ``anonymizer`` gives out."""
    return [each for each in repository.classifiers() if why_not(each, anonymizer) is None]


def why_not(classifier: ClassifierManifest, anonymizer: Manifest) -> str | None:
    """Why the classifier should not be shown this model's windows; None if it was made for them."""
    if classifier.anonymizer_sha256 != anonymizer.sha256:
        return f"was trained on another model's output than that of {anonymizer.name}"
    return why_unreadable(classifier, anonymizer)


def why_unreadable(classifier: ClassifierManifest, anonymizer: Manifest) -> str | None:
    """What the classifier would misread in this model's windows; None if nothing."""
    theirs, ours = classifier.representation, anonymizer.representation
    for field in ("kind", "bins", "window_us", "channel_order", "scaling"):
        wanted, given = getattr(theirs, field), getattr(ours, field)
        if wanted != given:
            return f"takes windows of {field} {wanted}, not {given} as {anonymizer.name} gives out"
    sizes = [(each.height, each.width) for each in (theirs, ours) if each.height is not None]
    if len(set(sizes)) > 1:
        return f"takes {theirs.width}x{theirs.height}, not {ours.width}x{ours.height}"
    return None


def load_fitting(
    wanted: Sequence[str], anonymizer: Manifest, repository: Repository | None = None
) -> Classifier:
    """The first of ``wanted``, names, folders or tasks, that was made for ``anonymizer``.

    Raises :class:`ModelError` about the first of them where there is none.
    """
    repository = repository or Repository()
    problems = []
    for each in wanted:
        try:
            name = reference(each)
            named = isinstance(name, Path) or name in repository.list()
            classifier = load(name, repository) if named else find(each, anonymizer, repository)
            if problem := why_not(classifier.manifest, anonymizer):
                raise ModelError(problem, source=classifier.manifest.name)
            return classifier
        except ModelError as error:
            problems.append(error)
    raise problems[0]


def find(task: str, anonymizer: Manifest, repository: Repository) -> Classifier:
    """As :func:`models.classifier.find_classifier`, on one core: the anonymizer goes first."""
    return find_classifier(task, anonymizer.sha256, device="cpu", threads=1, repository=repository)


def load(name_or_path: str | Path, repository: Repository) -> Classifier:
    """As :func:`models.classifier.load_classifier`, on one core."""
    return load_classifier(name_or_path, device="cpu", threads=1, repository=repository)
