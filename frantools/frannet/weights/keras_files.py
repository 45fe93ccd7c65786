"""FranNet's own weight files: a Keras `.h5` with the `.json` config of the model."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..network.architecture import EncoderConfig, Extractor
from ..network.model import Config, FranNet


def is_keras(path: Path) -> bool:
    """Whether a file is one of Keras, by its content or its name."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return True
    return path.suffix.lower() in (".h5", ".hdf5") or (path.suffix.lower() == ".keras" and zipfile.is_zipfile(path))


def check_layout(path: Path) -> None:
    """Raise a ValueError if a Keras file is anything but weights in the layout of Keras 2."""
    advice = "save the weights alone in the layout of Keras 2, with model.save_weights('weights.h5')"
    if zipfile.is_zipfile(path):
        raise ValueError(f"{path} is a whole Keras model (a .keras archive); {advice}")
    with _open(path) as file:
        if "model_weights" in file or "model_config" in file.attrs:
            raise ValueError(f"{path} is a whole Keras model (with model_weights); {advice}")
        if {"layers", "_layer_checkpoint_dependencies"} & set(file):
            raise ValueError(
                f"{path} is in the layout of Keras 3 (.weights.h5), which has no names of layers; {advice} in "
                "TensorFlow before 2.16, or in tf_keras"
            )


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open an HDF5 file; damage that is discovered while reading is a ValueError."""
    import h5py  # only FranNet's own weights need it

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, LookupError, TypeError, AttributeError, UnicodeError) as error:  # h5py's, on damage
        raise ValueError(f"{path}: the HDF5 file is damaged ({error})") from None


LayerNames = tuple[str, tuple[str, ...]]
"""A pattern for the Keras name of a weight, and the names of our parameters."""


def _layer(keras: str, parameter: str) -> list[LayerNames]:
    return [(f"{keras}/kernel", (f"{parameter}.weight",)), (f"{keras}/bias", (f"{parameter}.bias",))]


def _encoder(config: EncoderConfig) -> Iterator[LayerNames]:
    """Iterate over the layers of the encoder.

    Keras numbers layers in the order of their creation in a process, so numbers mean nothing: layers of one pattern are
    in the order of the file, whatever the order of patterns. Layers of parallel branches are ordered by depth, and are
    identified by name.
    """
    for keras, parameter in (("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean")):
        yield f"batch_normalization/{keras}", (f"encoder.normalise.{parameter}",)
    yield "batch_normalization/moving_variance", ("encoder.normalise.running_var",)
    for i in range(len(config.stages)):
        before, after = (f"encoder.stages.{i}.{part}" for part in ("before", "on"))
        yield from _layer("conv2d", f"encoder.stages.{i}.down.0")
        for j in range(config.before):
            yield from _layer("conv2d", f"{before}.{j}.0")
        for j in range(config.after):
            yield from _layer("conv2d", f"{after}.{j}.0")
    for i, convs in enumerate(config.local):
        for j in range(len(convs)):
            yield from _layer(f".*intermediate-{i}/conv-{j}", f"encoder.stages.{i}.local.{j}.0")
    if config.context is not None:
        block = layer = 0
        for index, conv in enumerate(config.context.convs):
            block, layer = (block + 1, 0) if conv.stride == 2 else (block, layer + 1)
            name = f".*globalContext/downsample-{block}" + (f"/layer-{layer}" if layer else "")
            yield from _layer(name if block else f"CB/conv-{index}", f"encoder.squeeze.{2 * index}")
        for j in range(len(config.context.mlp)):
            yield from _layer(f".*globalMixer/dense-{j}", f"encoder.context.{2 * j}")
        yield from _layer("dense", f"encoder.context.{2 * len(config.context.mlp)}")
    combined = len(config.extractors) > 1
    for i in (*range(1, len(config.extractors)), 0) if config.extractors else ():  # the first is the last in the file
        pattern = rf".*Extractor-{i}/LocalMixer" if combined else ".*LocalMixer"
        yield from _extractor(config.extractors[i], pattern, f"local.parts.{i}" if combined else "local")
    if combined:
        yield "weights", ("local.gates",)


def _extractor(config: Extractor, pattern: str, parameter: str) -> Iterator[LayerNames]:
    if config.kind == "interpolate":
        for j in range(len(config.mlp)):
            yield from _layer(f"{pattern}/mlp/dense-{j}", f"{parameter}.{2 * j}")
        yield from _layer(f"{pattern}/final", f"{parameter}.{2 * len(config.mlp)}")
        return
    for j in range(3):
        yield "separable_conv2d/depthwise_kernel", (f"{parameter}.convs.{j}.0.weight",)
        yield "separable_conv2d/pointwise_kernel", (f"{parameter}.convs.{j}.1.weight",)
        yield "separable_conv2d/bias", (f"{parameter}.convs.{j}.1.bias",)
    yield from _layer("dense", f"{parameter}.out.0")


def _renderer(config: Config) -> Iterator[LayerNames]:
    """Iterate over the layers of the decoder and of the encodings of coordinates."""
    decoder = config.decoder
    for k in range(1 if decoder.shared else decoder.blocks):
        for i in range(len(decoder.sizes)):
            yield from _layer(f".*MLP-{k}/mlp/dense-{i}", f"decoder.blocks.{k}.{3 * i + 1}")
        yield from _layer("dense", f"decoder.blocks.{k}.{3 * len(decoder.sizes) + 1}")
    for name, encoding in (("position", config.position_encoding), ("time", config.time_encoding)):
        if encoding.kind == "learned":
            yield ".*_freqDeltas", (f"{name}.delta",)
            yield ".*_fussionW", (f"{name}.sine", f"{name}.cosine")
            yield from [(".*_fussionB", (f"{name}.bias",)), (".*_gates", (f"{name}.gate",))]


def read_weights(path: Path, config: Config) -> dict[str, Tensor]:
    """Read the state of a `FranNet`; a ValueError if the weights belong to another model."""
    layouts = {"encoder": list(_encoder(config.encoder)), "renderer": list(_renderer(config))}
    with _open(path) as file:
        groups = {group: _read_group(file, group, path) for group in layouts}
    shapes = {key: value.shape for key, value in FranNet(config).state_dict().items()}
    state: dict[str, Tensor] = {}
    for group, layout in layouts.items():
        for (keras, array), parameters in _match(groups[group], layout, group, path):
            tensors = _to_torch(keras, array, parameters)
            if [tensor.shape for tensor in tensors] != [shapes[name] for name in parameters]:
                names = " and ".join(parameters)
                raise ValueError(f"{path}: {keras} has shape {array.shape}, which is not that of {names}")
            state.update(zip(parameters, tensors, strict=True))
    return state


KerasWeight = tuple[str, np.ndarray]


def _match(
    weights: list[KerasWeight], layout: list[LayerNames], group: str, path: Path
) -> list[tuple[KerasWeight, tuple[str, ...]]]:
    """Match each weight of a group to our parameters; a ValueError names unknown and missing ones."""
    unmatched: dict[str, list[tuple[str, ...]]] = {}
    for pattern, parameters in layout:
        unmatched.setdefault(pattern, []).append(parameters)
    matches = []
    for keras, array in weights:
        name = re.sub(r"_\d+(?=/)", "", keras)
        pattern = next((pattern for pattern in unmatched if re.fullmatch(rf"{pattern}(:0)?", name)), "")
        if not unmatched.get(pattern):
            raise ValueError(f"{path}: the layer {keras!r} in the {group} is unknown")
        matches.append(((keras, array), unmatched[pattern].pop(0)))
    for pattern, missing in unmatched.items():
        if missing:
            raise ValueError(f"{path}: the layer {pattern!r} of the {group} is missing ({missing[0][0]})")
    return matches


def _read_group(file: Any, group: str, path: Path) -> list[KerasWeight]:
    """Read the name and array of each weight of a group, in the file's order."""
    groups = [name for name in file if re.fullmatch(rf"(c_)?{group}(_\d+)?", name)]
    if len(groups) != 1:
        raise ValueError(f"{path} contains no FranNet weights: it has {len(groups)} groups named {group}, not one")
    weights = file[groups[0]]
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in weights.attrs.get("weight_names", [])]
    for name in names:
        if name not in weights:
            raise ValueError(f"{path}: the weights of {name!r} are missing")
        if weights[name].dtype.kind != "f":
            raise ValueError(f"{path}: {name} must have floating-point numbers, got {weights[name].dtype}")
    return [(name, np.asarray(weights[name], dtype=np.float32)) for name in names]


def _to_torch(keras: str, array: np.ndarray, parameters: tuple[str, ...]) -> list[Tensor]:
    """Convert a Keras weight to our parameters.

    The axes of Keras kernels are (height, width, in, out) and (in, out), and PyTorch's have the outputs first; those of
    a depthwise convolution are (height, width, channels, 1). The numbers of an encoding have leading axes of 1, and its
    sines and cosines are the columns of one weight.
    """
    if parameters[0].startswith(("position.", "time.")):
        array = array.squeeze()
        arrays = [array] if len(parameters) == 1 else list(np.atleast_2d(array).T)
    else:
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, tuple(range(array.ndim)))
        if "depthwise" in keras and array.ndim == 4:
            order = (2, 3, 0, 1)
        arrays = [array.transpose(order)]
    return [torch.from_numpy(np.ascontiguousarray(item)) for item in arrays]
