"""FranNet's own weight files: a Keras `.h5` and the `.json` config of the model."""

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

from ..network import architecture
from ..network.model import Config, FranNet


def is_keras(path: Path) -> bool:
    """Whether a file is Keras', by its content or its name."""
    with path.open("rb") as file:
        begins = file.read(8)
    if begins == b"\x89HDF\r\n\x1a\n":
        return True
    return path.suffix.lower() in (".h5", ".hdf5") or (path.suffix.lower() == ".keras" and zipfile.is_zipfile(path))


def check_layout(path: Path) -> None:
    """Raise a ValueError that says what a Keras file is, if it is not weights alone in the layout of Keras 2."""
    save = "accepted are the weights alone, in the layout of Keras 2, as model.save_weights('weights.h5') writes them"
    if zipfile.is_zipfile(path):
        raise ValueError(f"{path} is a whole Keras model (a .keras archive); {save}")
    with _open(path) as file:
        if "model_weights" in file or "model_config" in file.attrs:
            raise ValueError(f"{path} is a whole Keras model (with model_weights); {save}")
        if {"layers", "_layer_checkpoint_dependencies"} & set(file):
            raise ValueError(
                f"{path} is in the layout of Keras 3 (.weights.h5), which has no names of layers; {save} "
                "with TensorFlow before 2.16, or with tf_keras"
            )


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """An HDF5 file; a ValueError if it is damaged, wherever that shows."""
    import h5py  # only those who bring FranNet's own weights need it

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, LookupError, TypeError, AttributeError, UnicodeError) as error:  # h5py's, on damage
        raise ValueError(f"{path} is not a whole HDF5 file ({error}); accepted are FranNet's Keras weights") from None


Layer = tuple[str, tuple[str, ...]]
"""A pattern for the Keras name of a weight, and the names of our parameters."""


def _layer(keras: str, ours: str) -> list[Layer]:
    return [(f"{keras}/kernel", (f"{ours}.weight",)), (f"{keras}/bias", (f"{ours}.bias",))]


def _encoder(config: architecture.EncoderConfig) -> Iterator[Layer]:
    """Of the encoder: those of one pattern in the order of the file. The patterns may stand in any order.

    Keras numbers its layers by the order in which a process made them, so numbers mean nothing and order everything;
    layers of two branches are ordered by their depth, and are told by name.
    """
    for keras, ours in (("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean")):
        yield f"batch_normalization/{keras}", (f"encoder.normalise.{ours}",)
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
    for i in (*range(1, len(config.extractors)), 0) if config.extractors else ():  # the first stands last
        named = rf".*Extractor-{i}/LocalMixer" if combined else ".*LocalMixer"
        yield from _extractor(config.extractors[i], named, f"local.parts.{i}" if combined else "local")
    if combined:
        yield "weights", ("local.gates",)


def _extractor(config: architecture.Extractor, named: str, ours: str) -> Iterator[Layer]:
    if config.kind == "interpolate":
        for j in range(len(config.mlp)):
            yield from _layer(f"{named}/mlp/dense-{j}", f"{ours}.{2 * j}")
        yield from _layer(f"{named}/final", f"{ours}.{2 * len(config.mlp)}")
        return
    for j in range(3):
        yield "separable_conv2d/depthwise_kernel", (f"{ours}.convs.{j}.0.weight",)
        yield "separable_conv2d/pointwise_kernel", (f"{ours}.convs.{j}.1.weight",)
        yield "separable_conv2d/bias", (f"{ours}.convs.{j}.1.bias",)
    yield from _layer("dense", f"{ours}.out.0")


def _renderer(config: Config) -> Iterator[Layer]:
    """Of the decoder and the encodings of coordinates."""
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
    """The state of a model, by the names of `network.FranNet`; a ValueError if these are another's weights."""
    layouts = {"encoder": list(_encoder(config.encoder)), "renderer": list(_renderer(config))}
    with _open(path) as file:
        groups = {group: _read_group(file, group, path) for group in layouts}
    shapes = {key: value.shape for key, value in FranNet(config).state_dict().items()}
    state: dict[str, Tensor] = {}
    for group, layout in layouts.items():
        for (keras, array), ours in _matched(groups[group], layout, group, path):
            made = _to_torch(keras, array, ours)
            if [each.shape for each in made] != [shapes[name] for name in ours]:
                raise ValueError(f"{path}: {keras} has shape {array.shape}, which is not that of {' and '.join(ours)}")
            state.update(zip(ours, made, strict=True))
    return state


Entry = tuple[str, np.ndarray]


def _matched(
    entries: list[Entry], layout: list[Layer], group: str, path: Path
) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    """Each weight of a group and what it is here; a ValueError names what is unknown, and what is not there."""
    waiting: dict[str, list[tuple[str, ...]]] = {}
    for pattern, ours in layout:
        waiting.setdefault(pattern, []).append(ours)
    matched = []
    for keras, array in entries:
        plain = re.sub(r"_\d+(?=/)", "", keras)
        known = next((each for each in waiting if re.fullmatch(rf"{each}(:0)?", plain)), None)
        if known is None or not waiting[known]:
            raise ValueError(f"{path} has an unknown layer {keras!r} in the {group}")
        matched.append(((keras, array), waiting[known].pop(0)))
    for pattern, left in waiting.items():
        if left:
            raise ValueError(f"{path} lacks the layer {pattern!r} of the {group} ({left[0][0]})")
    yield from matched


def _read_group(file: Any, group: str, path: Path) -> list[tuple[str, np.ndarray]]:
    """(name, array) of each weight of the one group of that kind, in the file's order."""
    found = [name for name in file if re.fullmatch(rf"(c_)?{group}(_\d+)?", name)]
    if len(found) != 1:
        raise ValueError(f"{path} holds no FranNet weights: it has {len(found)} groups named {group}, not one")
    weights = file[found[0]]
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in weights.attrs.get("weight_names", [])]
    for name in names:
        if name not in weights:
            raise ValueError(f"{path} lacks the weights of {name!r}")
        if weights[name].dtype.kind != "f":
            raise ValueError(f"{path}: {name} is of {weights[name].dtype}, not of floating-point numbers")
    return [(name, np.asarray(weights[name], dtype=np.float32)) for name in names]


def _to_torch(keras: str, array: np.ndarray, ours: tuple[str, ...]) -> list[Tensor]:
    """A Keras weight as those of our names.

    Keras keeps kernels as (height, width, in, out) and (in, out), where PyTorch has the outputs first; of a depthwise
    convolution as (height, width, channels, 1). The numbers of an encoding carry leading axes of 1, and its sines and
    cosines are the columns of one weight.
    """
    if ours[0].startswith(("position.", "time.")):
        array = array.squeeze()
        made = [array] if len(ours) == 1 else list(np.atleast_2d(array).T)
    else:
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, tuple(range(array.ndim)))
        if "depthwise" in keras and array.ndim == 4:
            order = (2, 3, 0, 1)
        made = [array.transpose(order)]
    return [torch.from_numpy(np.ascontiguousarray(each)) for each in made]
