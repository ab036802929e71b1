"""Trained networks as models that the service runs.

A model is checked before it appears: ONNX Runtime gives what torch gives on fresh inputs, and
the model passes the very self-test that the service gives it.
"""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from models import classifier, session
from models.anonymizer import Anonymizer
from models.classifier import Classifier
from models.classifier_manifest import ClassifierManifest
from models.manifest import Manifest, Noise, Representation, SelfTest, first_problem
from models.networks.anonymizer import AnonymizerNetwork
from models.networks.target import TargetNetwork
from models.repository import ClassifierModel, Model, save
from training.calibration import calibrate
from training.errors import TrainingError
from training.onnx_file import onnx_bytes

#: Largest difference between ONNX Runtime and torch, as a share of a window's largest value.
TOLERANCE = 2e-5
_SATURATED = 65535


def export_anonymizer(
    network: AnonymizerNetwork,
    out: Path,
    *,
    representation: Representation,
    name: str | None = None,
    version: str = "1.0.0",
    profile: str = "anti-reid",
    description: str = "",
    trained_on: Mapping[str, Any] | str | None = None,
    metrics: Mapping[str, Any] | None = None,
    calibration: NDArray[Any] | None = None,
) -> Model:
    """Write ``network`` as the new model folder ``out``, which appears whole or not at all.

    ``calibration``: counts ``[N, 2T, H, W]`` of windows like those it will see, from which
    the limits of its self-test are taken (see :mod:`training.calibration`); without it they
    come from synthetic windows alone. ``name`` is by default that of the folder.
    Raises :class:`TrainingError` for a network that does not anonymize or that ONNX Runtime
    runs differently, :class:`ModelError` for fields that no manifest can hold, a failed
    self-test, or a folder that is there already.
    """
    network = copy.deepcopy(network).cpu().eval()
    name = name or out.resolve().name
    _check_channels(network.config.channels, representation, name)
    data = onnx_bytes(
        network,
        representation.channels,
        session.INPUTS,
        session.OUTPUT,
        ("batch", "", "height", "width"),
    )

    def manifest(limits: SelfTest) -> Manifest:
        return Manifest(
            schema_version=1,
            name=name,
            version=version,
            profile=profile,
            description=description,
            sha256=hashlib.sha256(data).hexdigest(),
            representation=representation,
            # Inside the graph, under the hash: AnonymizerConfig.noise_scale.
            noise=Noise(distribution="normal", scale=1.0),
            self_test=limits,
            trained_on=_plain(trained_on),
            metrics=_plain(metrics),
        )

    try:
        loosest = manifest(SelfTest(min_rms_change=1e-9, max_unchanged=0.999999))
        model = Model(manifest(calibrate(network, loosest, calibration)), data)
    except ValidationError as error:
        raise first_problem(error, name) from None
    running = Anonymizer(model, device="cpu")
    _check_anonymizer(network, model)
    running.self_test()
    return save(model, out)


def export_classifier(
    network: TargetNetwork,
    out: Path,
    *,
    representation: Representation,
    task: str,
    labels: Sequence[str],
    anonymizer: Model,
    name: str | None = None,
    version: str = "1.0.0",
    description: str = "",
    fewest_events: int = 0,
    trained_on: Mapping[str, Any] | str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> ClassifierModel:
    """Write ``network`` as the new model folder ``out`` of a classifier.

    ``labels`` name its logits in their order; ``anonymizer`` is the model whose output it was
    trained on, on windows of the same ``representation``. Windows with less than ``fewest_events``
    get no label. Raises as :func:`export_anonymizer` does.
    """
    network = copy.deepcopy(network).cpu().eval()
    name = name or out.resolve().name
    _check_channels(network.config["channels"], representation, name)
    if anonymizer.manifest.representation != representation:
        raise TrainingError(
            f"is not that of {anonymizer.manifest.name}", source=name, field="representation"
        )
    if network.config["classes"] != len(labels):
        raise TrainingError(
            f"{len(labels)} for {network.config['classes']} classes", source=name, field="labels"
        )
    data = onnx_bytes(
        network, representation.channels, (classifier.INPUT,), classifier.OUTPUT, ("batch", "")
    )
    try:
        manifest = ClassifierManifest(
            schema_version=1,
            kind="classifier",
            name=name,
            version=version,
            task=task,
            labels=tuple(labels),
            description=description,
            sha256=hashlib.sha256(data).hexdigest(),
            representation=representation,
            anonymizer_sha256=anonymizer.manifest.sha256,
            fewest_events=fewest_events,
            trained_on=_plain(trained_on),
            metrics=_plain(metrics),
        )
    except ValidationError as error:
        raise first_problem(error, name) from None
    model = ClassifierModel(manifest, data)
    running = Classifier(model, device="cpu")
    _check_classifier(network, model)
    running.self_test()
    return save(model, out)


def _check_channels(channels: int, representation: Representation, name: str) -> None:
    if channels != representation.channels:
        raise TrainingError(
            f"{channels} of the network, {representation.channels} of the representation",
            source=name,
            field="channels",
        )


def _plain(fields: Mapping[str, Any] | str | None) -> Any:
    return dict(fields) if isinstance(fields, Mapping) else fields


def _check_anonymizer(network: AnonymizerNetwork, model: Model) -> None:
    running = session.start(model, "cpu", None)
    for events, noise in _inputs(model.manifest.representation):
        with torch.no_grad():
            expected = network(torch.from_numpy(events), torch.from_numpy(noise)).numpy()
        (given,) = running.run([session.OUTPUT], {"events": events, "noise": noise})
        _check_same(given, expected, model.manifest.name)


def _check_classifier(network: TargetNetwork, model: ClassifierModel) -> None:
    running = session.start(model, "cpu", None)
    for events, noise in _inputs(model.manifest.representation):
        windows = events + noise
        with torch.no_grad():
            expected = network(torch.from_numpy(windows)).numpy()
        (given,) = running.run([classifier.OUTPUT], {classifier.INPUT: windows})
        _check_same(given, expected, model.manifest.name)


def _inputs(
    wanted: Representation,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Windows of several sizes and numbers, from empty to saturated, and noise for them."""
    generator = np.random.default_rng()
    sizes = [(128, 128), (67, 45), (5, 8)]
    if wanted.height is not None and wanted.width is not None:
        sizes = [wanted.padded(wanted.height, wanted.width)]
    for height, width in sizes:
        shape = (3, wanted.channels, height, width)
        events = generator.poisson(0.3, shape).astype(np.float32)
        events[1] = generator.integers(0, 64, shape[1:])
        events[2] *= generator.random(shape[1:]) < 0.01
        hot = np.full((1, *shape[1:]), _SATURATED, np.float32)
        for windows in (events, np.zeros_like(hot), hot):
            scaled = windows * np.float32(wanted.scaling)
            yield scaled, generator.standard_normal(windows.shape, np.float32)


def _check_same(given: NDArray[Any], expected: NDArray[Any], name: str) -> None:
    if given.shape != expected.shape:
        raise TrainingError(
            f"ONNX Runtime gives {list(given.shape)}, torch {list(expected.shape)}", source=name
        )
    if not np.isfinite(expected).all():
        raise TrainingError("gives numbers that are not finite", source=name)
    for one, other in zip(given, expected, strict=True):
        allowed = TOLERANCE * (1 + np.abs(other).max())
        difference = np.abs(one - other).max()
        if not difference <= allowed:
            raise TrainingError(
                f"ONNX Runtime differs from torch by {difference:.2g}, over {allowed:.2g}",
                source=name,
            )
