"""All JSON that the package writes is standard: numbers that are not finite are texts."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.recipe_files import read_text
from frantools.files import to_json, with_infinite
from frantools.frannet.sampling.named_setups import named_setup, setup_from_dict
from frantools.viewer import page

ODD = {"a": [math.inf, (1.5, -math.inf)], "b": {"c": np.float64("nan")}, "inf": True}


def strict(text: str) -> object:
    """JSON as a browser reads it."""

    def refuse(token: str) -> None:
        raise ValueError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_not_finite_survive_json():
    outcome = strict(to_json(ODD))
    assert outcome == {"a": ["inf", [1.5, "-inf"]], "b": {"c": "nan"}, "inf": True}
    assert with_infinite(outcome)["a"] == [math.inf, [1.5, -math.inf]]
    assert math.isnan(with_infinite(outcome)["b"]["c"])


def test_all_json_of_the_package_is_strict():
    for path in Path(ft.__file__).parent.rglob("*.py"):
        for call in re.findall(r"json\.dumps?\b.*", path.read_text()):
            assert "allow_nan=False" in call, f"{path.name}: {call}"


def test_a_setting_that_is_not_finite_survives_a_recipe(tmp_path):
    (tmp_path / "f.py").write_text("def f(picture, sigma):\n    return picture / sigma\n")
    column = ft.Column("x", f"{tmp_path / 'f.py'}:f", sigma=math.inf)
    result = ft.compare(np.zeros((8, 8, 3), np.uint8), [column], size=8)
    ft.save_picture(np.zeros((8, 8, 3), np.uint8), tmp_path / "made.png", result.recipe)
    strict(read_text(tmp_path / "made.png"))
    for part in re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>', page.comparison_page(result).decode()
    ):
        strict(part)
    (again,) = ft.load_recipe(tmp_path / "made.png", trust=True).columns
    assert again.settings == {"sigma": math.inf}


@pytest.mark.parametrize("chip", [math.nan, math.inf], ids=["nan", "inf"])
def test_a_page_with_a_state_that_is_not_finite_opens(chip):
    state = {**{name: {} for name in page.BY_TITLE}, "chips": {"a": chip}, "selected": None, "_reference": None}
    text = page.build_page({"a": None}, state, None).decode()
    (content,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    assert strict(content)["chips"] == {"a": str(chip)}


def test_a_scheduler_with_infinite_options_survives_json():
    pytest.importorskip("diffusers", reason="needs diffusers")
    result = named_setup("DPMSolverMultistep:5,lambda_min_clipped=-Infinity")
    assert result.options == {"lambda_min_clipped": -math.inf}
    assert setup_from_dict(strict(to_json(result.to_dict()))) == named_setup(result.name) == result
