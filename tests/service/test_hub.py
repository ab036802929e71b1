"""The hub waits for nobody."""

import asyncio

import pytest

from service.hub import Closed, Hub


def hub(size: int = 2):
    dropped: list[str] = []
    return Hub(size, dropped.append), dropped


async def test_a_slow_reader_loses_the_oldest_windows_and_they_are_counted():
    made, dropped = hub()
    slow = made.subscribe("a")
    for message in "12345":
        made.publish("a", message)
    assert [await slow.get(), await slow.get()] == ["4", "5"]
    assert dropped == ["a"] * 3


async def test_readers_get_their_cameras_windows_only():
    made, _ = hub()
    one, other = made.subscribe("a"), made.subscribe("b")
    made.publish("a", "1")
    made.publish("b", "2")
    assert (await one.get(), await other.get()) == ("1", "2")
    assert (made.latest("a"), made.latest("b"), made.latest("c")) == ("1", "2", None)


async def test_closing_comes_after_what_was_published():
    made, _ = hub()
    reader = made.subscribe("a")
    made.publish("a", "1")
    made.close(1001, "bye")
    made.publish("a", "2")
    assert await reader.get() == "1"
    with pytest.raises(Closed) as closed:
        await reader.get()
    assert (closed.value.code, closed.value.reason) == (1001, "bye")


async def test_a_reader_that_waits_is_woken_by_the_end():
    made, _ = hub()
    reader = made.subscribe("a")
    waiting = asyncio.create_task(reader.get())
    await asyncio.sleep(0)
    made.remove("a", 4410, "removed")
    with pytest.raises(Closed):
        await waiting


async def test_a_reader_inside_the_service_is_not_counted_and_has_its_own_queue():
    made, dropped = hub()
    lost = []
    inside = made.subscribe_inside("a", 1, lambda: lost.append("a"))
    for message in "123":
        made.publish("a", message)
    assert await inside.get() == "3"
    assert (lost, dropped) == (["a", "a"], [])
    assert (made.subscribers("a"), made.subscribers(), made.empty.is_set()) == (0, 0, False)
    made.unsubscribe("a", inside)
    assert made.empty.is_set()


async def test_counting_readers():
    made, _ = hub()
    first, second = made.subscribe("a"), made.subscribe("b")
    assert (made.subscribers("a"), made.subscribers(), made.empty.is_set()) == (1, 2, False)
    made.unsubscribe("a", first)
    made.unsubscribe("a", first)
    made.unsubscribe("b", second)
    assert (made.subscribers(), made.empty.is_set()) == (0, True)
