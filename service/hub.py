"""From one anonymizer to every subscriber, without waiting for any of them."""

import asyncio
from collections import deque
from collections.abc import Callable

from service.message import Message


class Closed(Exception):
    """The subscription has ended; ``code`` and ``reason`` are what a WebSocket closes with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Subscription:
    """One reader's bounded queue. When it is full the oldest window goes."""

    def __init__(self, size: int, on_drop: Callable[[], None], *, inside: bool = False) -> None:
        #: Whether the service itself reads, for its own ends.
        self.inside = inside
        self._messages: deque[Message] = deque(maxlen=size)
        self._on_drop = on_drop
        self._arrived = asyncio.Event()
        self._closed: Closed | None = None

    def put(self, message: Message) -> None:
        """Queue a window, dropping the oldest where there is no room."""
        if self._closed:
            return
        if len(self._messages) == self._messages.maxlen:
            self._on_drop()
        self._messages.append(message)
        self._arrived.set()

    def close(self, code: int, reason: str) -> None:
        """End the subscription once what is queued has been read."""
        self._closed = self._closed or Closed(code, reason)
        self._arrived.set()

    async def get(self) -> Message:
        """The next window. Raises :class:`Closed` when there will be none."""
        while not self._messages:
            if self._closed:
                raise self._closed
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()


class Hub:
    """The latest window of every camera, and who wants the next."""

    def __init__(self, queue_size: int, on_subscriber_drop: Callable[[str], None]) -> None:
        self._queue_size = queue_size
        self._on_drop = on_subscriber_drop
        self._latest: dict[str, Message] = {}
        self._subscriptions: dict[str, set[Subscription]] = {}
        #: Set while nobody reads.
        self.empty = asyncio.Event()
        self.empty.set()

    def publish(self, camera: str, message: Message) -> None:
        """Hand one window to everyone who reads this camera."""
        self._latest[camera] = message
        for subscription in self._subscriptions.get(camera, ()):
            subscription.put(message)

    def latest(self, camera: str) -> Message | None:
        """The newest window, the very one that subscribers got."""
        return self._latest.get(camera)

    def subscribe(self, camera: str) -> Subscription:
        """Start reading; to be ended with :meth:`unsubscribe`."""
        subscription = Subscription(self._queue_size, lambda: self._on_drop(camera))
        return self._add(camera, subscription)

    def subscribe_inside(self, camera: str, size: int, on_drop: Callable[[], None]) -> Subscription:
        """As :meth:`subscribe`, for a part of the service, which nobody counts as a reader."""
        return self._add(camera, Subscription(size, on_drop, inside=True))

    def _add(self, camera: str, subscription: Subscription) -> Subscription:
        self._subscriptions.setdefault(camera, set()).add(subscription)
        self.empty.clear()
        return subscription

    def unsubscribe(self, camera: str, subscription: Subscription) -> None:
        """Stop reading."""
        readers = self._subscriptions.get(camera, set())
        readers.discard(subscription)
        if not readers:
            self._subscriptions.pop(camera, None)
        if not self._subscriptions:
            self.empty.set()

    def subscribers(self, camera: str | None = None) -> int:
        """How many outside the service read ``camera``, or any."""
        cameras = self._subscriptions if camera is None else (camera,)
        return sum(
            not reader.inside for each in cameras for reader in self._subscriptions.get(each, ())
        )

    def remove(self, camera: str, code: int, reason: str) -> None:
        """Forget a camera and end its subscriptions."""
        self._latest.pop(camera, None)
        for subscription in self._subscriptions.get(camera, ()):
            subscription.close(code, reason)

    def close(self, code: int, reason: str) -> None:
        """End every subscription, once its reader has what was published."""
        for readers in self._subscriptions.values():
            for subscription in readers:
                subscription.close(code, reason)
