import os

import numpy as np

from models.anonymizer import Anonymizer
from models.gaussian import gaussian
from models.noise_ahead import NoiseAhead

SHAPE = (1, 2, 8, 8)


def test_no_draw_is_handed_out_twice_whether_it_was_ready_or_not() -> None:
    noise = NoiseAhead()
    seen = set()
    for number in range(40):
        if number % 3:
            noise.draw_ahead()
        taken = noise.take(SHAPE)
        seen.add(taken.tobytes())
        noise.give_back(taken)
    assert len(seen) == 40


def test_a_few_draws_are_kept_ready_and_no_more() -> None:
    noise = NoiseAhead()
    assert not noise.draw_ahead()  # of what shape?
    noise.take(SHAPE)
    drawn = 0
    while noise.draw_ahead():
        drawn += 1
    assert 1 <= drawn <= 8


def test_two_windows_on_the_way_do_not_share_an_array() -> None:
    noise = NoiseAhead()
    noise.take(SHAPE)
    noise.draw_ahead()
    first, second = noise.take(SHAPE), noise.take(SHAPE)
    assert not np.shares_memory(first, second)


def test_another_shape_gets_noise_of_its_own() -> None:
    noise = NoiseAhead()
    noise.take(SHAPE)
    noise.draw_ahead()
    assert noise.take((2, 2, 4, 4)).shape == (2, 2, 4, 4)
    assert noise.take(SHAPE).shape == SHAPE


def test_a_forked_process_does_not_use_what_its_parent_drew() -> None:
    noise = NoiseAhead()
    noise.take(SHAPE)
    noise.draw_ahead()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, noise.take(SHAPE).tobytes())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        childs = pipe.read()
    os.waitpid(child, 0)
    assert len(childs) == 4 * np.prod(SHAPE)
    assert childs != noise.take(SHAPE).tobytes()


def test_an_anonymizer_covers_windows_with_noise_drawn_ahead_as_with_any_other() -> None:
    anonymizer = Anonymizer(gaussian(4.0), device="cpu")
    window = np.zeros((1, 10, 32, 32), np.uint16)
    outputs = [anonymizer.anonymize(window)[0].tensor]
    while anonymizer.draw_ahead():
        pass
    outputs += [anonymizer.anonymize(window)[0].tensor for _ in range(8)]
    assert len({output.tobytes() for output in outputs}) == len(outputs)
    for output in outputs:
        assert 3.8 < output.std() < 4.2
    correlations = np.corrcoef([output.ravel() for output in outputs])
    assert np.abs(correlations - np.eye(len(outputs))).max() < 0.06
