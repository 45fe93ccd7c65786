"""The masking augmentation covers what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from frantools.training.data import mask


def kept_cells(masked: Tensor, cells: int) -> Tensor:
    """(B, cells, cells): whether a cell is kept, told by its first pixel."""
    first = (torch.arange(cells) * masked.shape[-1] + cells - 1) // cells
    return masked[:, 0, first][:, :, first] != 0


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_at_least_a_quarter_of_the_cells_is_kept(cells: int, seed: int) -> None:
    masked = mask(torch.ones(16, 1, 64, 64), str(cells), np.random.default_rng(seed))
    kept = kept_cells(masked, cells).float().mean(dim=(1, 2))
    assert kept.min() >= 0.25


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_cells_are_kept_or_set_to_mid_gray_as_a_whole(cells: int, seed: int) -> None:
    x = torch.rand(2, 1, 64, 64) + 0.5
    masked = mask(x, str(cells), np.random.default_rng(seed))
    nearest = torch.arange(64) * cells // 64
    kept = kept_cells(masked, cells)[:, nearest][:, :, nearest][:, None]
    assert torch.equal(masked, torch.where(kept, x, 0))


@pytest.mark.parametrize("masking", ["8", "32", "uniform", "dynamic"])
def test_the_masked_share_is_uniform_from_nothing_to_three_quarters(masking: str) -> None:
    masked = mask(torch.ones(1000, 1, 64, 64), masking, np.random.default_rng(0))
    share = (masked == 0).float().mean(dim=(1, 2, 3))
    parts = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
    np.testing.assert_allclose(np.quantile(share, parts), parts * 0.75, atol=0.04)


def test_no_masking_changes_nothing() -> None:
    x = torch.rand(2, 1, 64, 64)
    assert torch.equal(mask(x, "none", np.random.default_rng(0)), x)
