"""Weight files load, or are refused with what is wrong; none is ever unpickled."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from golden import COMMITTED
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import frantools as ft
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model

CONFIG = json.loads((COMMITTED / "diffusion.json").read_text())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "mine.safetensors"
    save_model(FranNet(Config()), path)
    return path


def written(path: Path, tensors: dict[str, Tensor], **metadata: str) -> Path:
    """A safetensors file like one of ours, but for what `metadata` says."""
    save_file(tensors, path, {"format": "frantools", "config": json.dumps({"restorator": "diffusion"})} | metadata)
    return path


@pytest.mark.parametrize("config", [Config(), Config("single-pass"), Config("diffusion", "x", "linear")], ids=str)
def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path, config: Config) -> None:
    model = FranNet(config).eval()
    save_model(model, tmp_path / "mine.safetensors", card={"what": "a test"})
    loaded = ft.load_model(tmp_path / "mine.safetensors")
    assert loaded.config == config
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
    assert json.loads((tmp_path / "mine.json").read_text()) == {"name": "mine", "what": "a test"}


def test_a_model_knows_the_file_it_came_from(saved: Path) -> None:
    model = ft.load_model(str(saved))
    assert model.name == "mine"
    assert model.sha256 is not None
    assert len(model.sha256) == 64
    assert ft.load_model(saved).sha256 == model.sha256


def test_a_model_is_written_as_safetensors_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.safetensors only"):
        save_model(FranNet(Config()), tmp_path / "mine.pt")
    assert not list(tmp_path.iterdir())


def test_half_precision_weights_work(tmp_path: Path, saved: Path) -> None:
    weights = load_file(saved)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    state = ft.load_model(written(tmp_path / "half.safetensors", halves)).state_dict()
    assert all(state[name].dtype == value.dtype for name, value in weights.items())
    assert all(torch.equal(state[name], value.to(state[name])) for name, value in halves.items())


# Names


@pytest.mark.parametrize("name", ["no-such-model", "folder/no-such-model", ""])
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*; the shipped (ones|models) are"):
        ft.load_model(name)


def test_the_refusal_of_an_unknown_model_lists_the_shipped_ones() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        ft.load_model("no-such-model")
    assert all(name in str(caught.value) for name in ft.models())


@pytest.mark.parametrize("name", ["x.safetensors", "x.h5"])
def test_a_missing_weight_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no weight file .*{name}"):
        ft.load_model(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match=f"there is no weight file .*{name}"):
        ft.load_model(tmp_path / name)


# Pickles


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def zipped(trap: Trap, path: Path) -> None:
    torch.save({"weights": torch.zeros(3), "trap": trap}, path)


def legacy(trap: Trap, path: Path) -> None:
    torch.save({"weights": torch.zeros(3), "trap": trap}, path, _use_new_zipfile_serialization=False)


def pickled(trap: Trap, path: Path) -> None:
    path.write_bytes(pickle.dumps(trap))


@pytest.mark.parametrize("save", [zipped, legacy, pickled])
@pytest.mark.parametrize(
    "ending", [".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".keras", ".safetensors", ".h5", ".weights", ""]
)
def test_a_pickle_is_refused_under_any_name_and_never_run(
    tmp_path: Path, save: Callable[[Trap, Path], None], ending: str
) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / f"model{ending}"
    save(Trap(sprung), path)
    with pytest.raises(ValueError, match=r"\A[^\n]*(convert it|save_weights|the HDF5 file is damaged)[^\n]*\Z"):
        ft.load_model(path, config=COMMITTED / "diffusion.json" if ending == ".h5" else None)
    assert not sprung.exists()


@pytest.mark.parametrize("save", [zipped, legacy, pickled])
def test_the_traps_of_the_tests_above_do_work(tmp_path: Path, save: Callable[[Trap, Path], None]) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / "model.pt"
    save(Trap(sprung), path)
    if save is pickled:
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert sprung.exists()


@pytest.mark.parametrize("save", [zipped, legacy, pickled])
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_a_pickle_is_told_as_one(tmp_path: Path, save: Callable[[Trap, Path], None], ending: str) -> None:
    path = tmp_path / f"model{ending}"
    save(Trap(tmp_path / "sprung"), path)
    with pytest.raises(ValueError, match="a pickle, which can run any code, is not loaded"):
        ft.load_model(path)


# Safetensors


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_truncated_safetensors_are_refused(tmp_path: Path, saved: Path, share: float) -> None:
    content = saved.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"cut\.safetensors: not a complete \.safetensors or Keras \.h5 file \("):
        ft.load_model(path)


@given(st.data())
def test_damaged_safetensors_are_a_model_or_a_value_error(
    saved: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(saved.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    path.write_bytes(content)
    try:
        model = ft.load_model(path)
    except ValueError:
        return
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_safetensors_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"contains no FranTools model, .*; its format is 'unnamed'"):
        ft.load_model(path)
    save_file({"x": torch.zeros(3)}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"contains no FranTools model, .*; its format is 'pt'"):
        ft.load_model(path)


@pytest.mark.parametrize(
    "config",
    [
        "no JSON",
        "[]",
        "null",
        '{"restorator": "gan"}',
        '{"position": "xyz"}',
        '{"schedule": 7}',
        '{"restorator": ["diffusion"]}',
        '{"layers": 3}',
    ],
)
def test_a_config_of_another_kind_is_refused(tmp_path: Path, saved: Path, config: str) -> None:
    path = written(tmp_path / "other.safetensors", load_file(saved), config=config)
    with pytest.raises(ValueError, match=r"other\.safetensors: this version cannot read the model's config: "):
        ft.load_model(path)


def test_a_config_is_refused_where_the_file_holds_its_own(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"the file contains its own config"):
        ft.load_model(saved, config=COMMITTED / "diffusion.json")


def lacking(weights: dict[str, Tensor]) -> None:
    del weights["local.0.bias"]


def extra(weights: dict[str, Tensor]) -> None:
    weights["decoder.extra"] = torch.zeros(1)


def renamed(weights: dict[str, Tensor]) -> None:
    weights["local.first.bias"] = weights.pop("local.0.bias")


def reshaped(weights: dict[str, Tensor]) -> None:
    weights["local.0.bias"] = torch.zeros(255)


def whole_numbers(weights: dict[str, Tensor]) -> None:
    weights["local.0.bias"] = torch.zeros(256, dtype=torch.int64)


def not_a_number(weights: dict[str, Tensor]) -> None:
    weights["local.0.bias"][7] = torch.nan


def too_large(weights: dict[str, Tensor]) -> None:
    weights["local.0.bias"] = torch.full((256,), 1e300, dtype=torch.float64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lacking, r"is of another model: missing weights local\.0\.bias"),
        (extra, r"is of another model: unknown weights decoder\.extra"),
        (renamed, r"is of another model: missing weights local\.0\.bias"),
        (reshaped, r"is of another model: local\.0\.bias must have shape \(256,\), got \(255,\)"),
        (whole_numbers, r"is of another model: local\.0\.bias must have floating-point numbers, got torch\.int64"),
        (not_a_number, r"is damaged: local\.0\.bias has values that are NaN or infinite"),
        (too_large, r"is damaged: local\.0\.bias has values that are NaN or infinite"),
    ],
)
def test_weights_of_another_model_are_refused_by_name(
    tmp_path: Path, saved: Path, change: Callable[[dict[str, Tensor]], None], message: str
) -> None:
    weights = load_file(saved)
    change(weights)
    with pytest.raises(ValueError, match=rf"\A[^\n]*other\.safetensors {message}\Z"):
        ft.load_model(written(tmp_path / "other.safetensors", weights))


def test_weights_that_do_not_fit_their_config_are_refused(tmp_path: Path, saved: Path) -> None:
    path = written(tmp_path / "other.safetensors", load_file(saved), config='{"position": "x"}')
    with pytest.raises(ValueError, match=r"decoder\.blocks\.0\.1\.weight must have shape \(64, 200\), got \(64, 233\)"):
        ft.load_model(path)


# FranNet's Keras files


@pytest.fixture
def keras(tmp_path: Path) -> Path:
    for ending in (".h5", ".json"):
        shutil.copyfile(COMMITTED / f"diffusion{ending}", tmp_path / f"diffusion{ending}")
    return tmp_path / "diffusion.h5"


def load_keras(path: Path) -> FranNet:
    return ft.load_model(path, config=path.with_suffix(".json"))


def test_keras_weights_go_to_safetensors_and_back(keras: Path, tmp_path: Path) -> None:
    model = load_keras(keras)
    assert model.config == Config("diffusion", "x", "cosine", setup=ft.SETUPS["DDPM"])
    save_model(model, tmp_path / "converted.safetensors")
    state = ft.load_model(tmp_path / "converted.safetensors").state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_layers_may_carry_any_numbers(keras: Path) -> None:
    # Keras counts layers per process: the two files of the golden set differ in nothing but the numbers.
    single = ft.load_model(COMMITTED / "single-pass.h5", config=COMMITTED / "single-pass.json")
    with h5py.File(COMMITTED / "single-pass.h5") as one, h5py.File(keras) as other:
        assert set(one) != set(other)
    assert single.state_dict().keys() == load_keras(keras).state_dict().keys()


def test_keras_weights_need_their_config(keras: Path) -> None:
    with pytest.raises(ValueError, match=r"require their config: load_model.*diffusion\.json"):
        ft.load_model(keras)
    keras.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no config file .*diffusion\.json"):
        load_keras(keras)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_truncated_keras_weights_are_refused(keras: Path, share: float) -> None:
    content = keras.read_bytes()
    keras.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"diffusion\.h5: the HDF5 file is damaged"):
        load_keras(keras)


def group_named(file: h5py.File, kind: str) -> h5py.Group:
    return next(file[name] for name in file if kind in name)


def change_keras(path: Path, kind: str, change: Callable[[h5py.Group, list[str]], list[str]]) -> None:
    """Let `change` edit the group of a kind, and return its new list of weights."""
    with h5py.File(path, "r+") as file:
        group = group_named(file, kind)
        names = change(group, [str(name) for name in group.attrs["weight_names"]])
        group.attrs["weight_names"] = np.array(names, dtype=h5py.string_dtype())


def replace(group: h5py.Group, name: str, values: np.ndarray) -> None:
    del group[name]
    group[name] = values


def test_a_missing_layer_is_named(keras: Path) -> None:
    change_keras(keras, "renderer", lambda group, names: [name for name in names if "_gates" not in name])
    with pytest.raises(ValueError, match=r"the layer '.*_gates' of the renderer is missing \(position\.gate\)"):
        load_keras(keras)


def test_a_missing_last_layer_is_named(keras: Path) -> None:
    change_keras(keras, "renderer", lambda group, names: names[:-1])
    with pytest.raises(ValueError, match=r"the layer '.*_gates' of the renderer is missing \(time\.gate\)"):
        load_keras(keras)


def test_weights_that_are_listed_and_not_there_are_named(keras: Path) -> None:
    def without(group: h5py.Group, names: list[str]) -> list[str]:
        del group[names[5]]
        return names

    change_keras(keras, "encoder", without)
    with pytest.raises(ValueError, match=r"the weights of 'conv2d_10/bias:0' are missing"):
        load_keras(keras)


def test_a_layer_too_many_is_named(keras: Path) -> None:
    def with_extra(group: h5py.Group, names: list[str]) -> list[str]:
        group["dense_99/kernel:0"] = np.zeros((64, 64), np.float32)
        return [*names, "dense_99/kernel:0"]

    change_keras(keras, "encoder", with_extra)
    with pytest.raises(ValueError, match=r"the layer 'dense_99/kernel:0' in the encoder is unknown"):
        load_keras(keras)


def test_a_renamed_layer_is_named(keras: Path) -> None:
    def rename(group: h5py.Group, names: list[str]) -> list[str]:
        group.move(names[2], "conv3d/kernel:0")
        return [*names[:2], "conv3d/kernel:0", *names[3:]]

    change_keras(keras, "encoder", rename)
    with pytest.raises(ValueError, match=r"the layer 'conv3d/kernel:0' in the encoder is unknown"):
        load_keras(keras)


@pytest.mark.parametrize(
    ("kind", "ending", "shape"),
    [
        ("encoder", "conv2d_10/kernel:0", (5, 5, 32, 32)),
        ("encoder", "conv2d_10/bias:0", (33,)),
        ("encoder", "globalMixer/dense-0/kernel:0", (256, 512)),
        ("encoder", "gamma:0", (1, 1)),
        ("renderer", "MLP-1/mlp/dense-0/kernel:0", (136, 64)),
        ("renderer", "_freqDeltas:0", (16,)),
        ("renderer", "_fussionW:0", (1, 32, 3)),
        ("renderer", "_fussionW:0", (1, 16, 2)),
        ("renderer", "_fussionW:0", ()),
        ("renderer", "_fussionB:0", (1, 33)),
        ("renderer", "_gates:0", (1, 2, 32)),
    ],
)
def test_a_layer_of_another_shape_is_named(keras: Path, kind: str, ending: str, shape: tuple[int, ...]) -> None:
    def reshape(group: h5py.Group, names: list[str]) -> list[str]:
        replace(group, next(name for name in names if name.endswith(ending)), np.zeros(shape, np.float32))
        return names

    change_keras(keras, kind, reshape)
    with pytest.raises(
        ValueError, match=rf"{ending} has shape \({', '.join(map(str, shape))},?\), which is not that of"
    ):
        load_keras(keras)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(32, np.int64), "conv2d_10/bias:0 must have floating-point numbers, got int64"),
        (np.full(32, b"x"), r"conv2d_10/bias:0 must have floating-point numbers, got \|S1"),
        (np.full(32, np.nan, np.float32), r"is damaged: encoder\.stages\.0\.on\.0\.0\.bias has values that are NaN"),
    ],
    ids=["whole numbers", "text", "not a number"],
)
def test_a_layer_of_something_else_is_named(keras: Path, values: np.ndarray, message: str) -> None:
    def fill(group: h5py.Group, names: list[str]) -> list[str]:
        replace(group, names[5], values)
        return names

    change_keras(keras, "encoder", fill)
    with pytest.raises(ValueError, match=message):
        load_keras(keras)


def test_an_hdf5_file_of_something_else_is_refused(keras: Path) -> None:
    with h5py.File(keras, "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"contains no FranNet weights: it has 0 groups named encoder, not one"):
        load_keras(keras)


def test_a_hdf5_dataset_in_place_of_the_groups_is_refused(keras: Path) -> None:
    with h5py.File(keras, "w") as file:
        file["c_encoder"] = file["renderer"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"the layer 'batch_normalization/gamma' of the encoder is missing"):
        load_keras(keras)


@given(st.data())
def test_damaged_keras_weights_are_a_model_or_a_value_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray((COMMITTED / "diffusion.h5").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # The structure stands at both ends of the file, the numbers between.
        place = data.draw(st.integers(0, 4000) | st.integers(len(content) - 30_000, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    path.write_bytes(content)
    try:
        model = ft.load_model(path, config=COMMITTED / "diffusion.json")
    except ValueError:
        return
    assert all(value.isfinite().all() for value in model.state_dict().values())


# FranNet's configs


def changed(place: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    *parents, last = place.split(".")
    part = config
    for parent in parents:
        part = part.setdefault(parent, {})
    part[last] = value
    return config


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("encoder.name", "resnet"),
        ("encoder.image size", 128),
        ("encoder.channels", 3),
        ("encoder.head.downsample steps", 32),
        ("encoder.contexts mixer.extractor.name", "attention"),
        ("nerf.format", "cmyk"),
        ("nerf.format", {"name": "lab"}),
        ("decoder.residual", "yes"),
        ("decoder.mlp blocks", 0),
        ("decoder.mlp.shared", 1),
        ("decoder.mlp.activation", "maxout"),
        ("decoder.name", "transformer"),
        ("restorator.name", "flow"),
        ("restorator.loss scaling", "snr"),
        ("restorator.source distribution.stddev", "wide"),
        ("restorator.source distribution.name", "halton"),
        ("restorator.schedule.beta schedule", "sqrt"),
        ("restorator.schedule.timesteps", 1),
        ("restorator.kind", "score matching"),
        ("renderer.position encoding", "none"),
    ],
)
def test_an_unsupported_setting_is_named_with_the_supported_ones(keras: Path, place: str, value: Any) -> None:
    keras.with_suffix(".json").write_text(json.dumps(changed(place, value)))
    with pytest.raises(ValueError, match=rf"\A[^\n]*: {place} must be [^\n]*, got [^\n]*\Z") as caught:
        load_keras(keras)
    assert json.dumps(value) in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("encoder.extra latents", [64]),
        ("renderer.extra latents", {"count": 2}),
        ("encoder.conv type", "separable"),
        ("residual", True),
        ("restorator.sampling", 3),
    ],
)
def test_an_unknown_setting_is_named(keras: Path, place: str, value: Any) -> None:
    keras.with_suffix(".json").write_text(json.dumps(changed(place, value)))
    with pytest.raises(ValueError, match=rf": {place}.* = .* is not supported"):
        load_keras(keras)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("optimizer.name", "sgd"),
        ("renderer.batch_size", 1),
        ("restorator.sampler", {"name": "DDIM", "stochasticity": 0.5}),
        ("encoder.extra latents", None),
        ("renderer.extra latents", False),
    ],
)
def test_settings_that_change_nothing_in_the_network_are_welcome(keras: Path, place: str, value: Any) -> None:
    keras.with_suffix(".json").write_text(json.dumps(changed(place, value)))
    assert replace_setup(load_keras(keras).config) == Config("diffusion", "x", "cosine")


def replace_setup(config: Config) -> Config:
    """The config with the sampler of the note's B."""
    return dataclasses.replace(config, setup=None)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("encoder.head.downsample steps", [32, 32], r"the layer 'conv2d\S*' in the encoder is unknown"),
        ("decoder.mlp blocks", 4, r"the layer '\S+' of the renderer is missing \(decoder\.blocks\.3"),
        ("decoder.mlp.shared", True, r"the layer '\S*MLP-1/mlp/dense-0/kernel:0' in the renderer is unknown"),
        ("renderer.time encoding", "fixed", r"the layer '\S*_freqDeltas:0' in the renderer is unknown"),
        ("encoder.latent dimension", 32, r"has shape .*, which is not that of encoder\.context\.2\.weight"),
    ],
)
def test_weights_of_another_network_than_the_configs_are_refused(
    keras: Path, place: str, value: Any, message: str
) -> None:
    keras.with_suffix(".json").write_text(json.dumps(changed(place, value)))
    with pytest.raises(ValueError, match=message):
        load_keras(keras)


def test_a_lacking_setting_is_named(keras: Path) -> None:
    config = copy.deepcopy(CONFIG)
    del config["decoder"]["residual"]
    keras.with_suffix(".json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"the setting 'decoder\.residual' is missing"):
        load_keras(keras)


@pytest.mark.parametrize("schedule", ["linear", "quadratic", "sigmoid"])
def test_the_schedule_of_the_config_is_the_models(keras: Path, schedule: str) -> None:
    keras.with_suffix(".json").write_text(json.dumps(changed("restorator.schedule.beta schedule", schedule)))
    assert load_keras(keras).config.schedule == schedule


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_config_is_refused(keras: Path, content: bytes) -> None:
    keras.with_suffix(".json").write_bytes(content)
    with pytest.raises(ValueError, match=r"diffusion\.json is not a FranNet config in JSON: "):
        load_keras(keras)


# The network


def test_the_network_has_about_0_59_million_parameters() -> None:
    counts = [sum(p.numel() for p in FranNet(Config(position=position)).parameters()) for position in ("x", "xy")]
    assert all(round(count / 1e6, 2) == 0.59 for count in counts)


def test_the_position_is_encoded_in_33_numbers_a_coordinate() -> None:
    points = torch.rand(2, 5, 2)
    assert FranNet(Config(position="x")).encode_position(points).shape == (2, 5, 33)
    assert FranNet(Config(position="xy")).encode_position(points).shape == (2, 5, 66)


@pytest.mark.parametrize("shape", [(64, 64), (1, 64, 64), (1, 3, 64, 64), (1, 1, 32, 32), (1, 64, 64, 1)])
def test_an_input_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x must have shape \(B, 1, 64, 64\), got"):
        FranNet(Config()).encode(torch.zeros(shape))


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_a_model_is_float32_whatever_torchs_default_is(kind: torch.dtype) -> None:
    usual = ft.load_model("single-basic")
    torch.set_default_dtype(kind)
    try:
        model = ft.load_model("single-basic")
        fresh = FranNet(Config())
    finally:
        torch.set_default_dtype(torch.float32)
    assert {value.dtype for value in fresh.state_dict().values()} == {torch.float32, torch.int64}
    for name, value in usual.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    for theirs, ours in zip(model.buffers(), usual.buffers(), strict=True):
        assert torch.equal(theirs, ours)


@pytest.mark.parametrize("ending", [".h5", ".H5", ".hdf5", ".weights"])
def test_keras_weights_are_known_under_any_ending(keras: Path, ending: str) -> None:
    other = keras.rename(keras.with_suffix(ending))
    assert ft.load_model(other, config=keras.with_suffix(".json")).config.restorator == "diffusion"
    with pytest.raises(ValueError, match="require their config"):
        ft.load_model(other)


@pytest.mark.parametrize("name", ["other.h5", "other.weights.h5", "other.H5", "other.hdf5", "other"])
@pytest.mark.parametrize("config", [COMMITTED / "diffusion.json", None])
@pytest.mark.parametrize("layout", ["Keras 3", "Keras 3, early", "whole", "whole, damaged"])
def test_keras_files_of_other_layouts_are_named_for_what_they_are(
    tmp_path: Path, name: str, config: Path | None, layout: str
) -> None:
    with h5py.File(tmp_path / name, "w") as file:
        if layout.startswith("Keras 3"):
            root = "layers" if layout == "Keras 3" else "_layer_checkpoint_dependencies"
            file.create_dataset(f"{root}/dense/vars/0", data=np.zeros(3))
        else:
            file.attrs["model_config"] = "{}"
            if layout == "whole":
                file.create_group("model_weights/encoder")
    message = "in the layout of Keras 3" if layout.startswith("Keras 3") else "a whole Keras model"
    with pytest.raises(ValueError, match=rf"is {message} .*; save the weights alone .*save_weights\("):
        ft.load_model(tmp_path / name, config=config)


@pytest.mark.parametrize("config", [COMMITTED / "diffusion.json", None])
@pytest.mark.parametrize("name", ["whole.keras", "whole.KERAS"])
def test_a_keras_archive_is_named_for_what_it_is(tmp_path: Path, name: str, config: Path | None) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"is a whole Keras model \(a \.keras archive\); save the weights alone"):
        ft.load_model(tmp_path / name, config=config)


def compiled(model: nn.Module) -> nn.Module:
    module: nn.Module = torch.compile(model, backend="eager")
    return module


def compiled_in_part(model: FranNet) -> FranNet:
    part = copy.deepcopy(model)
    part.decoder = compiled(part.decoder)
    return part


WRAPPED: dict[str, Callable[[FranNet], Any]] = {
    "compiled": compiled,
    "parallel": nn.DataParallel,
    "parallel and compiled": lambda model: nn.DataParallel(compiled(model)),
    "compiled and parallel": lambda model: compiled(nn.DataParallel(model)),
    "averaged": lambda model: AveragedModel(model),
}


@pytest.mark.parametrize("wrap", [*WRAPPED.values(), compiled_in_part], ids=[*WRAPPED, "compiled in part"])
def test_weights_of_wrapped_models_are_those_of_the_models_themselves(tmp_path: Path, wrap: Any) -> None:
    torch.manual_seed(1)
    model = FranNet(Config()).eval()
    written(tmp_path / "wrapped.safetensors", {name: value.clone() for name, value in wrap(model).state_dict().items()})
    save_model(wrap(model), tmp_path / "saved.safetensors")
    for name in ("wrapped", "saved"):
        loaded = ft.load_model(tmp_path / f"{name}.safetensors").state_dict()
        assert loaded.keys() == model.state_dict().keys()
        assert all(torch.equal(value, loaded[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_wrapped_models_restore_as_the_models_themselves(wrap: Any) -> None:
    model, setup = ft.load_model("diffusion-basic"), ft.Setup(K=99)
    want = ft.restore(model, "hopper", setup, size=24)
    wrapped = wrap(model).eval()
    wrapped_result = ft.restore(wrapped, "hopper", setup, size=24)
    np.testing.assert_array_equal(wrapped_result.image, want.image)
    assert wrapped_result.recipe["model"] == want.recipe["model"] == "diffusion-basic"
    result = ft.compare("hopper", [("wrapped", wrapped)], size=24)
    np.testing.assert_array_equal(result["wrapped"].image, ft.restore(model, "hopper", size=24).image)
    x, points = ft.prepare_input(ft.portraits()["hopper"]), torch.rand(1, 4, 2)
    values = [
        ft.sample_points(item, x, points, setup, noise=lambda shape: torch.full(shape, 0.5))
        for item in (model, wrapped)
    ]
    assert torch.equal(*values)
