"""The one error that bad event data raises."""


class EventDataError(ValueError):
    """Event data that cannot be understood, said in one line.

    ``source`` names the file or peer, ``offset`` is the position in bytes from its
    start (for text, the line number is part of ``problem``), ``field`` the part of
    the format that is wrong. The message never quotes event data.
    """

    def __init__(
        self,
        problem: str,
        *,
        source: str | None = None,
        offset: int | None = None,
        field: str | None = None,
    ) -> None:
        self.problem = problem
        self.source = source
        self.offset = offset
        self.field = field
        place = [source] if source else []
        if offset is not None:
            place.append(f"offset {offset}")
        if field:
            place.append(field)
        super().__init__(": ".join([*place, problem]))

    def at(self, source: str) -> "EventDataError":
        """The same error, naming ``source``."""
        return EventDataError(self.problem, source=source, offset=self.offset, field=self.field)
