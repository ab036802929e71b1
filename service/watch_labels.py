"""What a watched camera shows, said on this machine by a classifier of its repository."""

import asyncio

from models.classifier import Classifier
from models.errors import ModelError
from models.repository import Repository, reference
from service.classifiers import find, load, why_not, why_unreadable
from service.recognition import Recognition
from service.status import Recognized
from service.watch import SeenWindow, ServiceClient, ServiceGone, ServiceRefused


class Labels:
    """Runs a classifier on one camera's windows, one by one.

    ``task`` finds the classifier that was made for the service's model; ``classifier``, a name
    or a folder, chooses one whatever it was trained on, as long as it can read the windows.
    """

    def __init__(self, client: ServiceClient, task: str | None, classifier: str | None) -> None:
        self._client = client
        self._task = task
        self._chosen = None if classifier is None else reference(classifier)
        self._model_sha256: str | None = None
        self._recognition: Recognition | None = None
        #: What a person should know of the labels; None where nothing is wrong.
        self.warning: str | None = None

    async def of(self, window: SeenWindow) -> Recognized | None:
        """What this window and those before it show, worked out in a thread.

        None while the service does not say what its model gives out. Raises
        :class:`ServiceRefused` where no classifier here reads this model's windows.
        """
        try:
            if window.metadata["model_sha256"] != self._model_sha256:
                await self._choose(window.metadata["model_sha256"])
            if self._recognition is None:
                return None
            return await asyncio.to_thread(self._recognition.add, window.metadata, window.tensor)
        except ServiceGone:
            return None
        except ModelError as error:
            raise ServiceRefused(str(error)) from None

    async def _choose(self, model_sha256: str) -> None:
        """Find the classifier anew: the service has another model than before."""
        self._recognition = self._model_sha256 = None
        anonymizer = await self._client.model()
        if anonymizer.sha256 != model_sha256:
            # The service was restarted behind this window's back; the next one tells.
            return
        repository = Repository()
        if self._chosen is None:
            loading = asyncio.to_thread(find, self._task or "", anonymizer, repository)
        else:
            loading = asyncio.to_thread(load, self._chosen, repository)
        classifier = await loading
        self._check(classifier, why_unreadable(classifier.manifest, anonymizer))
        self.warning = why_not(classifier.manifest, anonymizer)
        if self.warning:
            self.warning = f"{classifier.manifest.name} {self.warning}: its labels may be wrong"
        self._recognition = Recognition(classifier)
        self._model_sha256 = model_sha256

    def _check(self, classifier: Classifier, problem: str | None) -> None:
        manifest = classifier.manifest
        if self._task not in (None, manifest.task):
            problem = f"is for the task {manifest.task}, not {self._task}"
        if problem:
            raise ModelError(problem, source=manifest.name)
