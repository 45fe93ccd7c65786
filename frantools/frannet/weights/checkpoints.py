"""Model files: safetensors with their config, the shipped models by name, and FranNet's own Keras files.

No function unpickles, because a pickle can run any code when it is read.
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
from ..network.encodings import make_encoding
from ..network.fingerprints import FileWeights
from ..network.model import Config, FranNet
from .keras_config import read_config
from .keras_files import check_layout, is_keras, read_weights

PACKAGE = Path(__file__).parents[2]
Metadata = dict[str, str]


def shipped() -> Path:
    """Return the folder of the shipped models: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / "data"
    return inside if inside.is_dir() else PACKAGE.parent / "data"


def models() -> dict[str, dict[str, Any]]:
    """List the shipped models.

    Returns
    -------
    dict
        The models' cards by name: a description, the training data and settings, and quality measures.
    """
    cards = sorted(shipped().glob("*.json"))
    return {card.stem: read_json(card) for card in cards if card.with_suffix(".safetensors").exists()}


def is_shipped(name: str) -> bool:
    """Whether a shipped model has this name, without reading the cards as `models` does."""
    return Path(name).name == name and all(
        exists(shipped() / f"{name}{suffix}") for suffix in (".json", ".safetensors")
    )


def is_card(path: Path) -> bool:
    """Whether the file at `path` is a model's card; FranNet's config has the same path."""
    try:
        card = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and "name" in card


def check_card(path: Path) -> Path:
    """Raise a ValueError if a card at `path` would overwrite a file that is no card."""
    if path.exists() and not is_card(path):
        raise ValueError(f"{path}: the file is not a model's card, and would be overwritten; choose another name")
    return path


def card_path(name_or_path: str | PathLike[str]) -> Path:
    """Return the path of the card of a shipped model or of a weight file."""
    name = str(name_or_path)
    return shipped() / f"{name}.json" if is_shipped(name) else Path(name).with_suffix(".json")


def load_model(name_or_path: str | PathLike[str], config: str | PathLike[str] | None = None) -> FranNet:
    """Load a model for restorations.

    Parameters
    ----------
    name_or_path : str or path
        The name of a shipped model (see `models`), a `.safetensors` file of FranTools, or FranNet's Keras weights in
        an `.h5` or `.hdf5` file.
    config : path, optional
        The `.json` config of Keras weights, which require it; other files have none.

    Returns
    -------
    FranNet
        In evaluation mode on the CPU, in float32. Its `name` and `sha256` (of the weight file) go into recipes.

    Raises
    ------
    FileNotFoundError
        If no shipped model and no file has that name.
    ValueError
        If the file is damaged, of another model, unsupported, or a pickle.
    """
    name = str(name_or_path)
    path = Path(name_or_path)
    if is_shipped(name):
        path = shipped() / f"{name}.safetensors"
    elif not path.suffix and not path.exists():
        raise FileNotFoundError(f"there is no model {name!r}; the shipped models are {', '.join(models())}")
    elif not path.is_file():
        raise FileNotFoundError(f"there is no weight file {name}; the shipped models are {', '.join(models())}")
    if is_keras(path):
        check_layout(path)
        if config is None:
            raise ValueError(
                f"{name}: Keras weights require their config: load_model({path.name!r}, config={path.stem + '.json'!r})"
            )
        settings = read_config(Path(config))
        weights = read_weights(path, settings)
    else:
        if config is not None:
            raise ValueError(f"{name}: the file contains its own config; only Keras weights require one")
        metadata, weights = read_safetensors(path)
        settings = _config(path, metadata)
    model = _without_weights(settings)
    _fill(model, weights, path)
    model.name, model.file = path.stem, FileWeights(model, hash_of(path))
    model.source = name if config is None else None
    return model.eval().requires_grad_(False)


def _without_weights(config: Config) -> FranNet:
    """Return a FranNet on the processor with uninitialised weights, without drawing random numbers of the user."""
    with torch.device("meta"):
        model = FranNet(config)
    model.to_empty(device="cpu")
    with on_processor():  # their buffers are constants
        model.position, model.time = make_encoding(config.position_encoding), make_encoding(config.time_encoding)
    for name, count in model.named_buffers():
        if name.endswith("num_batches_tracked"):
            count.zero_()
    return model.float()


def save_model(model: FranNet, path: str | PathLike[str], card: Mapping[str, Any] | None = None) -> None:
    """Write a model's weights and config as safetensors, and its card, with the model's name, as JSON beside it.

    Raises
    ------
    ValueError
        If the path does not end in ``.safetensors``, or the card would overwrite another JSON file.
    """
    path, model = Path(path), unwrap(model)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: models are written as .safetensors only")
    card_file = check_card(path.with_suffix(".json")) if card is not None else None
    metadata = {"format": "frantools", "config": to_json(model.config.to_dict())}
    write_safetensors(path, model.state_dict(), metadata)
    if card is not None and card_file is not None:
        with replacing(card_file) as temporary:
            temporary.write_text(to_json({"name": path.stem, **card}, indent=2) + "\n", encoding="utf-8")


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Metadata) -> None:
    """Write tensors and metadata atomically; a full disk is an OSError."""
    with replacing(path) as temporary:
        try:
            save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, metadata)
        except SafetensorError as error:
            raise OSError(f"{path}: writing failed: {error}") from None


def read_safetensors(path: Path) -> tuple[Metadata, dict[str, Tensor]]:
    """Read the metadata and the tensors of a safetensors file; a ValueError if it is damaged or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        with path.open("rb") as file:
            is_pickle = file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        if is_pickle:
            problem = "a pickle, which can run any code, is not loaded; convert it to .safetensors"
        else:
            problem = f"not a complete .safetensors or Keras .h5 file ({error})"
        raise ValueError(f"{path}: {problem}") from None


def _config(path: Path, metadata: Metadata) -> Config:
    if metadata.get("format") != "frantools" or "config" not in metadata:
        kind = metadata.get("format", "unnamed")
        raise ValueError(f"{path} contains no FranTools model, as save_model writes it; its format is {kind!r}")
    try:
        return Config(**from_json(metadata["config"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: this version cannot read the model's config: {error}") from None


def name_in_model(key: str) -> str:
    """Return a weight's name without the prefixes of `torch.compile`, also around a part, and of data parallelism."""
    key = key.replace("_orig_mod.", "")
    while key.startswith("module."):
        key = key.removeprefix("module.")
    return key


def _fill(model: FranNet, weights: Mapping[str, Tensor], path: Path) -> None:
    """Copy weights into a model; a ValueError names those that are missing, unknown, misshapen or not finite."""
    weights = {name_in_model(key): value for key, value in weights.items()}
    state = model.state_dict()
    state.pop("encoder.normalise.num_batches_tracked")  # PyTorch's unused counter
    weights = {key: value for key, value in weights.items() if not key.endswith(("num_batches_tracked", "n_averaged"))}
    for problem, names in (("missing", state.keys() - weights.keys()), ("unknown", weights.keys() - state.keys())):
        if names:
            raise ValueError(f"{path} is of another model: {problem} weights {', '.join(sorted(names)[:3])}")
    for key, value in weights.items():
        if value.shape != state[key].shape:
            shapes = f"shape {tuple(state[key].shape)}, got {tuple(value.shape)}"
            raise ValueError(f"{path} is of another model: {key} must have {shapes}")
        if not value.is_floating_point():
            raise ValueError(f"{path} is of another model: {key} must have floating-point numbers, got {value.dtype}")
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"{path} is damaged: {key} has values that are NaN or infinite")
    model.load_state_dict(dict(weights), strict=False)
