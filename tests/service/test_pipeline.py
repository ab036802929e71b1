"""Overload: bounded queues that drop the oldest, and no camera starved."""

import asyncio
import threading

import numpy as np

from events.window import Window
from models.verdict import Anonymized, Rejected
from service.pipeline import Pending, Pipeline


class Gate:
    """An anonymizer that works when it is let to, and keeps what it saw."""

    def __init__(self, device="cuda"):
        self.device = device
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches = []

    def anonymize(self, tensors):
        self.entered.set()
        assert self.open.wait(30)
        self.batches.append(tensors.shape)
        if tensors.max() == 99:
            raise RuntimeError("secret 99")
        return [Anonymized(one.astype(np.float32)) for one in tensors]

    def draw_ahead(self):
        return False


def pending(camera: str, seq: int, side: int = 2, value: int = 0) -> Pending:
    tensor = np.full((2, side, side), value, np.uint16)
    return Pending(camera, seq, Window(1, 0, 1, 0, tensor), 0.0)


async def pipeline(gate: Gate, queue_size: int = 2):
    outcomes, overflows = [], []
    made = Pipeline(
        gate,  # type: ignore[arg-type]
        queue_size=queue_size,
        on_outcome=outcomes.append,
        on_overflow=overflows.append,
    )
    return made, outcomes, overflows


async def test_a_full_queue_drops_its_oldest_window():
    gate = Gate()
    made, outcomes, overflows = await pipeline(gate)
    made.submit(pending("a", 1))
    await asyncio.to_thread(gate.entered.wait)
    for seq in range(2, 7):
        made.submit(pending("a", seq))
    made.submit(pending("b", 1))
    assert made.depth("a") == 2
    assert overflows == ["a", "a", "a"]
    gate.open.set()
    await made.drain()
    assert [o.pending.seq for o in outcomes if o.pending.camera == "a"] == [1, 5, 6]
    assert [o.pending.seq for o in outcomes if o.pending.camera == "b"] == [1]
    await made.stop()


async def test_windows_of_one_shape_share_an_inference_others_do_not():
    gate = Gate()
    made, outcomes, _ = await pipeline(gate)
    made.submit(pending("first", 1))
    await asyncio.to_thread(gate.entered.wait)
    for camera, side in (("a", 2), ("b", 3), ("c", 2), ("d", 3)):
        made.submit(pending(camera, 1, side))
    gate.open.set()
    await made.drain()
    assert gate.batches == [(1, 2, 2, 2), (2, 2, 2, 2), (2, 2, 3, 3)]
    assert {o.pending.camera for o in outcomes} == {"first", "a", "b", "c", "d"}
    await made.stop()


async def test_on_a_cpu_no_window_waits_for_another_of_its_batch():
    gate = Gate("cpu")
    gate.open.set()
    made, _, _ = await pipeline(gate)
    for camera in "abc":
        made.submit(pending(camera, 1))
    await made.drain()
    assert gate.batches == [(1, 2, 2, 2)] * 3
    await made.stop()


async def test_a_failing_inference_rejects_its_windows_and_the_worker_goes_on(caplog):
    gate = Gate()
    gate.open.set()
    made, outcomes, _ = await pipeline(gate)
    made.submit(pending("a", 1, value=99))
    await made.drain()
    made.submit(pending("a", 2))
    await made.drain()
    assert [type(o.result) for o in outcomes] == [Rejected, Anonymized]
    assert outcomes[0].result == Rejected("inference_error")
    assert "secret" not in caplog.text
    assert made.alive
    await made.stop()
    assert not made.alive


async def test_what_still_waits_at_the_end_is_never_published():
    gate = Gate()
    made, outcomes, _ = await pipeline(gate)
    made.submit(pending("a", 1))
    await asyncio.to_thread(gate.entered.wait)
    made.submit(pending("a", 2))
    stopping = asyncio.create_task(made.stop())
    await asyncio.sleep(0)
    gate.open.set()
    await stopping
    await asyncio.sleep(0)
    assert [o.pending.seq for o in outcomes] == [1]


async def test_removing_a_camera_forgets_its_windows():
    gate = Gate()
    made, outcomes, _ = await pipeline(gate)
    made.submit(pending("a", 1))
    await asyncio.to_thread(gate.entered.wait)
    made.submit(pending("b", 1))
    made.remove("b")
    gate.open.set()
    await made.drain()
    assert [o.pending.camera for o in outcomes] == ["a"]
    await made.stop()
