"""FranNet's own weight files: a Keras `.h5` and the `.json` config of the model."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .network import BLOCKS, Config, FranNet
from .schedule import SCHEDULES

# What each setting of a config must be, for the network to be the one of `network.py`. What is not listed here is
# refused, so that a model of another kind is never read as if it were this one.
SUPPORTED: dict[str, tuple[Any, ...]] = {
    "decoder.channels": (3,),
    "decoder.name": ("mlp",),
    "decoder.residual": (True,),
    "decoder.mlp blocks": (BLOCKS,),
    "decoder.mlp.shared": (False,),
    "decoder.mlp.sizes": ([64, 64, 64],),
    "decoder.mlp.activation": ("relu",),
    "decoder.mlp.final activation": ("linear",),
    "encoder.image size": (64,),
    "encoder.channels": (1,),
    "encoder.name": ("basic",),
    "encoder.latent dimension": (64,),
    "encoder.head.downsample steps": ([32, 32, 32],),
    "encoder.head.global context.channels": (8,),
    "encoder.head.global context.kernel size": (3,),
    "encoder.head.global context.mlp": ([256],),
    "encoder.head.global context.final activation": ("relu",),
    "encoder.head.local context.kernel size": (5,),
    "encoder.head.local context.conv before": (1,),
    "encoder.head.local context.final activation": ("relu",),
    "encoder.contexts mixer.extractor.name": ("interpolate",),
    "encoder.contexts mixer.extractor.mlp": ([256],),
    "encoder.contexts mixer.extractor.final activation": ("relu",),
    "renderer.position encoding": ("learned",),
    "renderer.time encoding": ("learned",),
    "nerf.name": ("basic",),
    "nerf.format": ("rgb",),
    "restorator.channels": (3,),
    "restorator.name": ("single pass", "diffusion"),
}
DIFFUSION: dict[str, tuple[Any, ...]] = {
    "restorator.kind": ("DDPM", "DDIM"),
    "restorator.loss scaling": (None,),
    "restorator.source distribution.name": ("normal",),
    "restorator.source distribution.stddev": (1.0,),
    "restorator.source distribution.mean": (0.0,),
    "restorator.schedule.name": ("discrete",),
    "restorator.schedule.beta schedule": SCHEDULES,
    "restorator.schedule.timesteps": (100,),
}
# Settings that change nothing in the network: how it was trained, how it is batched, and the sampler, which is a
# `Setup` here.
IRRELEVANT = ("optimizer.", "renderer.batch_size", "nerf.samplesN", "restorator.sampler.")


def read_keras(weights: Path, config: Path) -> tuple[Config, dict[str, Tensor]]:
    """Read a FranNet model.

    Parameters
    ----------
    weights : Path
        The `.h5` file.
    config : Path
        The `.json` file.

    Returns
    -------
    Config, dict of Tensor
        The kind of model, and its state by the names of `network.FranNet`.

    Raises
    ------
    FileNotFoundError
        If the config is missing.
    ValueError
        If the config asks for what is not supported, or the weights are not those of such a model.
    """
    settings = read_config(config)
    return settings, _read_weights(weights, settings)


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


def read_config(path: Path) -> Config:
    """The kind of model that a FranNet config describes; a ValueError names what is not supported."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no config file {path}")
    try:
        settings = dict(_leaves(json.loads(path.read_text(encoding="utf-8"))))
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a FranNet config in JSON: {error}") from None
    supported = dict(SUPPORTED)
    if settings.get("restorator.name") == "diffusion":
        supported |= DIFFUSION
    for key, accepted in supported.items():
        if key not in settings:
            raise ValueError(f"{path} lacks the setting {key!r}")
        if settings[key] not in accepted:
            names = " or ".join(json.dumps(value) for value in accepted)
            raise ValueError(f"{path} asks for {key} = {json.dumps(settings[key])}; supported is {names}")
    for key, value in settings.items():
        if key not in supported and not key.startswith(IRRELEVANT) and value not in (None, False):
            raise ValueError(f"{path} asks for {key} = {json.dumps(value)}, which is not supported")
    return Config(
        restorator=settings["restorator.name"].replace(" ", "-"),
        position="x",
        schedule=settings.get("restorator.schedule.beta schedule", "cosine"),
    )


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _layout() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """For each group of the file, in its order: a pattern for the Keras name, and the names of our parameters.

    Keras numbers its layers by the order in which a process made them, so numbers mean nothing and order everything.
    """

    def layer(keras: str, ours: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(f"{keras}/kernel", (f"{ours}.weight",)), (f"{keras}/bias", (f"{ours}.bias",))]

    encoder: list[tuple[str, tuple[str, ...]]] = []
    encoder += [("batch_normalization/gamma", ("encoder.normalise.weight",))]
    encoder += [("batch_normalization/beta", ("encoder.normalise.bias",))]
    for i in range(3):
        for part in ("down.0", "on.0.0", "on.1.0"):
            encoder += layer("conv2d", f"encoder.stages.{i}.{part}")
    encoder += layer("CB/conv-0", "encoder.squeeze.0")
    encoder += layer(".*globalMixer/dense-0", "encoder.context.0")
    for i in range(3):
        encoder += layer(f".*intermediate-{i}/conv-0", f"encoder.stages.{i}.local.0.0")
    encoder += layer("dense", "encoder.context.2")
    for i in range(3):
        encoder += layer(f".*intermediate-{i}/conv-1", f"encoder.stages.{i}.local.1.0")
    encoder += layer(".*LocalMixer/mlp/dense-0", "local.0") + layer(".*LocalMixer/final", "local.2")
    encoder += [("batch_normalization/moving_mean", ("encoder.normalise.running_mean",))]
    encoder += [("batch_normalization/moving_variance", ("encoder.normalise.running_var",))]

    renderer: list[tuple[str, tuple[str, ...]]] = []
    for k in range(BLOCKS):
        for i in range(3):
            renderer += layer(f".*MLP-{k}/mlp/dense-{i}", f"decoder.blocks.{k}.{3 * i + 1}")
        renderer += layer("dense", f"decoder.blocks.{k}.10")
    for encoding in ("position", "time"):
        renderer += [(".*_freqDeltas", (f"{encoding}.delta",))]
        renderer += [(".*_fussionW", (f"{encoding}.sine", f"{encoding}.cosine"))]
        renderer += [(".*_fussionB", (f"{encoding}.bias",)), (".*_gates", (f"{encoding}.gate",))]
    return {"encoder": encoder, "renderer": renderer}


def _read_weights(path: Path, config: Config) -> dict[str, Tensor]:
    with _open(path) as file:
        groups = {group: _read_group(file, group, path) for group in ("encoder", "renderer")}
    shapes = {key: value.shape for key, value in FranNet(config).state_dict().items()}
    state: dict[str, Tensor] = {}
    for group, layout in _layout().items():
        entries = groups[group]
        for (keras, array), (pattern, ours) in zip(entries, layout, strict=False):
            if not re.fullmatch(f"{pattern}:0", re.sub(r"_\d+(?=/)", "", keras)):
                raise ValueError(f"{path} holds an unknown layer {keras!r} where {pattern!r} belongs ({ours[0]})")
            parts = _to_torch(array, ours)
            if [part.shape for part in parts] != [shapes[name] for name in ours]:
                raise ValueError(f"{path}: {keras} has shape {array.shape}, which is not that of {' and '.join(ours)}")
            state.update(zip(ours, parts, strict=True))
        if len(entries) < len(layout):
            raise ValueError(f"{path} lacks the layer {layout[len(entries)][0]!r} of the {group}")
        if len(entries) > len(layout):
            raise ValueError(f"{path} has an unknown layer {entries[len(layout)][0]!r} in the {group}")
    return state


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


def _to_torch(array: np.ndarray, ours: tuple[str, ...]) -> list[Tensor]:
    """A Keras weight as those of our names.

    Keras keeps kernels as (height, width, in, out) and (in, out), and PyTorch has the outputs first. The numbers of an
    encoding carry leading axes of 1, and its sines and cosines are the columns of one weight.
    """
    if ours[0].startswith(("position.", "time.")):
        array = array.squeeze()
        parts = [array] if len(ours) == 1 else list(np.atleast_2d(array).T)
    else:
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, tuple(range(array.ndim)))
        parts = [array.transpose(order)]
    return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]
