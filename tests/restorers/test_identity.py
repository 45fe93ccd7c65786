"""Weights that change in memory have another identity: in recipes, keys of caches, and stores."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.frannet.network import fingerprints
from frantools.restorers.columns import as_column
from frantools.sweeps.keys import identity

NAME = "single-basic"


def first(module: nn.Module) -> nn.Parameter:
    return next(module.parameters())


def set_data(model: nn.Module) -> None:
    first(model).data = first(model).data * 0.5


def replace_parameter(model: nn.Module) -> None:
    name = next(iter(dict(model.named_parameters())))
    owner, _, own = name.rpartition(".")
    setattr(model.get_submodule(owner), own, nn.Parameter(first(model) * 0.5, requires_grad=False))


def load_others(model: nn.Module) -> None:
    state = model.state_dict()
    model.load_state_dict({name: value * 0.5 if value.is_floating_point() else value for name, value in state.items()})


def scale_through_numpy(model: nn.Module) -> None:
    values = first(model).detach().numpy()
    values *= 0.5


CHANGES: dict[str, Callable[[nn.Module], object]] = {
    "in place": lambda model: first(model).mul_(0.5),
    "through .data": lambda model: first(model).data.mul_(0.5),
    "other .data": set_data,
    "replaced": replace_parameter,
    "loaded": load_others,
    "through NumPy": scale_through_numpy,
    "one number": lambda model: max(model.parameters(), key=torch.numel).data.view(-1)[7].add_(0.25),
    "a buffer": lambda model: next(value for value in model.buffers() if value.is_floating_point()).data.add_(0.5),
    "half": lambda model: model.half().float(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_weights_of_a_model_have_another_identity(name):
    model, cache = ft.load_model(NAME), Cache()
    before = ft.compare("hopper", [model], size=16, cache=cache)
    address = identity(as_column(model), as_column(model).resolve())
    sha256 = model.sha256
    CHANGES[name](model)
    after = ft.compare("hopper", [model], size=16, cache=cache)
    assert after[NAME] is not before[NAME]  # which would be the cached one
    assert model.changed
    assert model.sha256 != sha256
    assert identity(as_column(model), as_column(model).resolve()) != address
    column = after.recipe["columns"][0]
    assert "changed in memory" in column["missing"]
    assert column["weights"] == model.sha256
    assert sha256 not in (after.recipe.models or {}).values()
    assert ft.restore(model, "hopper", size=16).recipe["model_sha256"] == model.sha256


def test_the_recipe_of_changed_weights_is_rendered_where_they_are_given_again():
    model = ft.load_model(NAME)
    CHANGES["in place"](model)
    recipe = ft.compare("hopper", [model], size=16).recipe.to_dict()
    with pytest.raises(ValueError, match="changed in memory"):
        ft.render(recipe)
    assert ft.render(recipe, columns={NAME: model})


def test_the_same_weights_have_the_identity_of_their_file_wherever_they_are():
    model = ft.load_model(NAME)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), ft.load_model(NAME)]
    model.load_state_dict(others[0].state_dict())
    for other in (model, *others):
        assert (other.sha256, other.changed) == (ft.load_model(NAME).sha256, False)


@pytest.mark.parametrize("name", ["in place", "through .data", "other .data", "replaced", "loaded"])
def test_changed_weights_of_a_module_have_another_identity(name):
    module = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(0.25)
    cache = Cache()
    before = ft.compare("hopper", [("m", module)], size=16, cache=cache)["m"].image
    address = identity(as_column(("m", module)), as_column(("m", module)).resolve())
    with torch.no_grad():
        CHANGES[name](module)
    after = ft.compare("hopper", [("m", module)], size=16, cache=cache)["m"].image
    np.testing.assert_allclose(after, before / 2, atol=1e-6)
    assert identity(as_column(("m", module)), as_column(("m", module)).resolve()) != address


def test_weights_that_do_not_change_are_hashed_once(monkeypatch):
    hashed: list[nn.Module] = []
    digest = fingerprints._digest
    monkeypatch.setattr(fingerprints, "_digest", lambda module: hashed.append(module) or digest(module))
    model, module = ft.load_model(NAME), nn.Conv2d(3, 3, 1)
    widget = ft.widgets.compare("hopper", [("model", model), ("module", module), "B"], size=32)
    assert widget.wait(60)
    assert hashed.count(model) == hashed.count(module) == 1
    hashed.clear()
    for seed in (1, 2, 3):  # ticks of a slider
        widget.controls["seed"].value = seed
        assert widget.wait(60)
    widget.close()
    assert hashed == []
