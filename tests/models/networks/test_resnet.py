from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.errors import ModelError
from models.networks.resnet import Backbone, load_imagenet


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    vectors = {f"{name}.{part}": (width,) for part in ("weight", "bias")}
    vectors |= {f"{name}.{part}": (width,) for part in ("running_mean", "running_var")}
    return vectors | {f"{name}.num_batches_tracked": ()}


def torchvision_resnet50() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision's resnet50, as its documentation's file holds them."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **_norm("bn1", 64)}
    inputs = 64
    for layer, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for block in range(blocks):
            at = f"layer{layer}.{block}"
            shapes[f"{at}.conv1.weight"] = (width, inputs, 1, 1)
            shapes |= _norm(f"{at}.bn1", width)
            shapes[f"{at}.conv2.weight"] = (width, width, 3, 3)
            shapes |= _norm(f"{at}.bn2", width)
            shapes[f"{at}.conv3.weight"] = (4 * width, width, 1, 1)
            shapes |= _norm(f"{at}.bn3", 4 * width)
            if block == 0:
                shapes[f"{at}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
                shapes |= _norm(f"{at}.downsample.1", 4 * width)
            inputs = 4 * width
    return shapes | {"fc.weight": (1000, 2048), "fc.bias": (1000,)}


def imagenet_file(path: Path, **changes: Tensor | None) -> Path:
    state: dict[str, Tensor | None] = {
        name: torch.full(shape, 0.5) if shape else torch.tensor(7)
        for name, shape in torchvision_resnet50().items()
    }
    state |= changes
    torch.save({name: value for name, value in state.items() if value is not None}, path)
    return path


@pytest.fixture(scope="module")
def resnet50() -> Backbone:
    return Backbone("resnet50", 10)


def test_names_and_shapes_are_those_of_torchvision(resnet50: Backbone) -> None:
    own = {n: tuple(v.shape) for n, v in resnet50.state_dict().items() if "input_norm" not in n}
    theirs = {n: s for n, s in torchvision_resnet50().items() if not n.startswith("fc.")}
    theirs["conv1.weight"] = (64, 10, 7, 7)
    assert own == theirs
    # torchvision documents 25.6 million parameters, of which the classifier holds 2.05.
    assert sum(p.numel() for p in resnet50.parameters()) == 25_557_032 - 2_049_000 + (
        64 * 49 * 7 + 20
    )


def test_it_costs_what_torchvision_documents() -> None:
    """4.09 GMAC for 224x224 colours, of which the classifier takes 2048 * 1000."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Backbone("resnet50", 3).eval()(torch.zeros(1, 3, 224, 224))
    assert counter.get_total_flops() / 2 == pytest.approx(4.09e9 - 2.05e6, rel=1e-3)


@torch.no_grad()
def test_published_weights_load_and_the_first_layer_keeps_its_scale(
    resnet50: Backbone, tmp_path: Path
) -> None:
    first = torch.randn(64, 3, 7, 7)
    load_imagenet(resnet50, imagenet_file(tmp_path / "w.pth", **{"conv1.weight": first}))
    grey = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(
        resnet50.conv1(grey.expand(1, 10, 32, 32)),
        nn.functional.conv2d(grey.expand(1, 3, 32, 32), first, stride=2, padding=3),
        rtol=1e-4,
        atol=1e-4,
    )
    state = resnet50.state_dict()
    assert all((state[n] == 0.5).all() for n in state if "layer" in n and n.endswith("weight"))
    assert state["bn1.num_batches_tracked"] == 7


def test_files_without_batch_counters_load(resnet50: Backbone, tmp_path: Path) -> None:
    without = {n: None for n in torchvision_resnet50() if n.endswith("num_batches_tracked")}
    load_imagenet(resnet50, imagenet_file(tmp_path / "w.pth", **without))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"layer2.0.conv2.weight": None}, "w.pth: layer2.0.conv2.weight: is missing"),
        ({"layer1.3.conv1.weight": torch.ones(1)}, "layer1.3.conv1.weight: is of another"),
        ({"layer4.2.bn3.bias": torch.ones(3)}, r"layer4.2.bn3.bias: is \[3\], not \[2048\]"),
        ({"conv1.weight": torch.ones(3)}, r"w.pth: conv1.weight: is \[3\]"),
    ],
)
def test_weights_of_another_network_change_nothing(
    resnet50: Backbone, tmp_path: Path, changes: dict[str, Tensor | None], problem: str
) -> None:
    before = {name: value.clone() for name, value in resnet50.state_dict().items()}
    with pytest.raises(ModelError, match=problem):
        load_imagenet(resnet50, imagenet_file(tmp_path / "w.pth", **changes))
    assert all(torch.equal(before[name], v) for name, v in resnet50.state_dict().items())


def test_a_file_that_holds_no_weights_is_one_line(tmp_path: Path) -> None:
    backbone = Backbone("small", 4)
    with pytest.raises(ModelError, match=r"missing\.pth: No such file"):
        load_imagenet(backbone, tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(ModelError, match="is no file of weights"):
        load_imagenet(backbone, tmp_path / "text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="is no state_dict"):
        load_imagenet(backbone, tmp_path / "list.pth")
    with pytest.raises(ModelError, match=r"imagenet.pth: layer1.0.bn3"):
        load_imagenet(backbone, imagenet_file(tmp_path / "imagenet.pth"))


@torch.no_grad()
def test_the_small_one_is_small_and_named_alike() -> None:
    backbone = Backbone("small", 10).eval()
    with FlopCounterMode(display=False) as counter:
        features = backbone(torch.rand(1, 10, 128, 128))
    assert features.shape == (1, backbone.features) == (1, 128)
    assert counter.get_total_flops() / 2 < 50e6
    assert {"layer1.0.conv1.weight", "layer4.0.downsample.1.running_var"} <= set(
        backbone.state_dict()
    )


@torch.no_grad()
def test_features_do_not_depend_on_the_scale_of_the_input() -> None:
    windows = torch.poisson(torch.full((4, 10, 64, 64), 0.3))
    few, many = (Backbone("small", 10) for _ in range(2))
    many.load_state_dict(few.state_dict())
    torch.testing.assert_close(few(windows), many(256 * windows), rtol=1e-2, atol=1e-2)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ModelError, match="arch: is not one of resnet50, small"):
        Backbone("resnet18", 10)  # type: ignore[arg-type]
