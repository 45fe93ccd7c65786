"""Models on disk: safetensors with their config, the shipped ones by name, and FranNet's own Keras files.

Nothing here unpickles: a pickle can run any code when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from os.path import exists
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...files import from_json, hash_of, read_json, replacing, to_json
from ...system.devices import on_processor
from ..network.coordinate_model import unwrap
from ..network.encodings import encoding
from ..network.fingerprints import FileWeights
from ..network.model import Config, FranNet
from .keras_config import read_config
from .keras_files import check_layout, is_keras, read_weights

PACKAGE = Path(__file__).parents[2]
Metadata = dict[str, str]


def shipped() -> Path:
    """The folder of the shipped models: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / "data"
    return inside if inside.is_dir() else PACKAGE.parent / "data"


def models() -> dict[str, dict[str, Any]]:
    """The shipped models.

    Returns
    -------
    dict
        By name, the card of each: what it is, what it was trained on and how, and how good it is.
    """
    cards = sorted(shipped().glob("*.json"))
    return {card.stem: read_json(card) for card in cards if card.with_suffix(".safetensors").exists()}


def is_shipped(name: str) -> bool:
    """Whether a shipped model has this name: `models` reads all cards, which takes some milliseconds."""
    return Path(name).name == name and all(
        exists(shipped() / f"{name}{suffix}") for suffix in (".json", ".safetensors")
    )


def is_card(path: Path) -> bool:
    """Whether there is a model's card at `path`, and not another's JSON: FranNet's config lies at the same place."""
    try:
        card = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and "name" in card


def check_card(path: Path) -> Path:
    """Raise a ValueError if writing a card to `path` would cost a file that is none."""
    if path.exists() and not is_card(path):
        raise ValueError(f"{path} is not a model's card, and the card would replace it; choose another name")
    return path


def card_path(name_or_path: str | PathLike[str]) -> Path:
    """Where the card of a shipped model, or of a weight file, is or would be."""
    name = str(name_or_path)
    return shipped() / f"{name}.json" if is_shipped(name) else Path(name).with_suffix(".json")


def load_model(name_or_path: str | PathLike[str], config: str | PathLike[str] | None = None) -> FranNet:
    """Load a model, ready to restore with.

    Parameters
    ----------
    name_or_path : str or path
        The name of a shipped model (see `models`), a `.safetensors` file of FranTools, or FranNet's Keras weights,
        which end in `.h5` or `.hdf5`.
    config : path, optional
        The `.json` that belongs to Keras weights; needed there and only there.

    Returns
    -------
    FranNet
        In evaluation mode on the CPU, in float32. Its `name` and `sha256` (of the weight file) go into recipes.

    Raises
    ------
    FileNotFoundError
        If there is neither a shipped model nor a file of that name.
    ValueError
        If the file is damaged, of another model, asks for what is not supported, or is a pickle.
    """
    name = str(name_or_path)
    path = Path(name_or_path)
    if is_shipped(name):
        path = shipped() / f"{name}.safetensors"
    elif not path.suffix and not path.exists():
        raise FileNotFoundError(f"there is no model {name!r}; the shipped ones are {', '.join(models())}")
    elif not path.is_file():
        raise FileNotFoundError(f"there is no weight file {name}; the shipped models are {', '.join(models())}")
    if is_keras(path):
        check_layout(path)
        if config is None:
            raise ValueError(f"{name} needs its config: load_model({path.name!r}, config={path.stem + '.json'!r})")
        settings = read_config(Path(config))
        weights = read_weights(path, settings)
    else:
        if config is not None:
            raise ValueError(f"config goes with a Keras .h5 file only; {name} holds its own")
        metadata, weights = read_safetensors(path)
        settings = _config(path, metadata)
    model = _without_weights(settings)
    _fill(model, weights, path)
    model.name, model.file = path.stem, FileWeights(model, hash_of(path))
    model.source = name if config is None else None
    return model.eval().requires_grad_(False)


def _without_weights(config: Config) -> FranNet:
    """A FranNet on the processor, its weights not set. No random numbers are drawn: those are the user's."""
    with torch.device("meta"):
        model = FranNet(config)
    model.to_empty(device="cpu")
    with on_processor():  # what they have beside weights is not random
        model.position, model.time = encoding(config.position_encoding), encoding(config.time_encoding)
    for name, count in model.named_buffers():
        if name.endswith("num_batches_tracked"):
            count.zero_()
    return model.float()


def save_model(model: FranNet, path: str | PathLike[str], card: Mapping[str, Any] | None = None) -> None:
    """Write a model's weights and config as safetensors, and its card, with the model's name, as JSON beside it.

    Raises
    ------
    ValueError
        If the path does not end in ``.safetensors``, or there is another JSON file where the card would be.
    """
    path, model = Path(path), unwrap(model)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path} does not end in .safetensors, the only format that models are written in")
    beside = check_card(path.with_suffix(".json")) if card is not None else None
    metadata = {"format": "frantools", "config": to_json(model.config.to_dict())}
    write_safetensors(path, model.state_dict(), metadata)
    if card is not None and beside is not None:
        with replacing(beside) as temporary:
            temporary.write_text(to_json({"name": path.stem, **card}, indent=2) + "\n", encoding="utf-8")


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Metadata) -> None:
    """Write tensors and metadata, whole or not at all; a full disk is an OSError."""
    with replacing(path) as temporary:
        try:
            save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, metadata)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from None


def read_safetensors(path: Path) -> tuple[Metadata, dict[str, Tensor]]:
    """The metadata and the tensors of a safetensors file; a ValueError if it is not one, or is cut short."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        with path.open("rb") as file:
            pickled = file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        kind = "a pickle or a zip of one, which can run any code" if pickled else f"no whole safetensors file ({error})"
        raise ValueError(f"{path} is {kind}; accepted are whole .safetensors files and Keras .h5") from None


def _config(path: Path, metadata: Metadata) -> Config:
    if metadata.get("format") != "frantools" or "config" not in metadata:
        kind = metadata.get("format", "unnamed")
        raise ValueError(f"{path} holds no FranTools model (its format is {kind!r}); accepted are files of save_model")
    try:
        return Config(**from_json(metadata["config"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has a config that this version does not know: {error}") from None


def name_in_model(key: str) -> str:
    """A weight's name without those of the wrappers of `torch.compile`, also around a part, and data parallelism."""
    key = key.replace("_orig_mod.", "")
    while key.startswith("module."):
        key = key.removeprefix("module.")
    return key


def _fill(model: FranNet, weights: Mapping[str, Tensor], path: Path) -> None:
    """Copy weights into a model, or say which one is missing, unknown, of another shape or not finite."""
    weights = {name_in_model(key): value for key, value in weights.items()}
    own = model.state_dict()
    own.pop("encoder.normalise.num_batches_tracked")  # PyTorch's own count, of no use here
    weights = {key: value for key, value in weights.items() if not key.endswith(("num_batches_tracked", "n_averaged"))}
    for problem, names in (("lacks", own.keys() - weights.keys()), ("has unknown", weights.keys() - own.keys())):
        if names:
            raise ValueError(f"{path} is of another model: it {problem} {', '.join(sorted(names)[:3])}")
    for key, value in weights.items():
        if value.shape != own[key].shape:
            raise ValueError(f"{path} is of another model: {key} is {tuple(value.shape)}, not {tuple(own[key].shape)}")
        if not value.is_floating_point():
            raise ValueError(f"{path} is of another model: {key} is of {value.dtype}, not of floating-point numbers")
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"{path} is damaged: {key} holds values that are not finite")
    model.load_state_dict(dict(weights), strict=False)
