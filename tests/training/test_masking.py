"""The masking augmentation hides the specified cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from frantools.training.masks import Masking, cells_to_keep, check_masking, expand_cells, hide, limits, mask

GOLDEN = dict(np.load(Path(__file__).parents[1] / "data/family/masking.npz"))
SIZES = [4, 8, 16, 32, 5, 7, 61]


def kept_cells(masked: Tensor, cells: int) -> Tensor:
    """(B, cells, cells): whether a cell is kept, read at the pixel in which the cell's centre lies."""
    centre = (2 * torch.arange(cells) + 1) * masked.shape[-1] // (2 * cells)
    return masked[:, 0, centre][:, :, centre] != 0


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_at_least_a_quarter_of_the_cells_stays_visible(cells: int, seed: int) -> None:
    masked = mask(torch.ones(16, 1, 64, 64), str(cells), np.random.default_rng(seed))
    visible = kept_cells(masked, cells).float().mean(dim=(1, 2))
    assert visible.min() >= 0.25


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_cells_are_visible_or_mid_gray_as_a_whole(cells: int, seed: int) -> None:
    x = torch.rand(2, 1, 64, 64) + 0.5
    masked = mask(x, str(cells), np.random.default_rng(seed))
    assert torch.equal(masked, hide(x, expand_cells(kept_cells(masked, cells), 64)))


@pytest.mark.parametrize("masking", ["8", "32", "uniform", "dynamic"])
def test_the_masked_fraction_is_uniform_from_0_to_three_quarters(masking: str) -> None:
    masked = mask(torch.ones(1000, 1, 64, 64), masking, np.random.default_rng(0))
    share = (masked == 0).float().mean(dim=(1, 2, 3))
    parts = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
    np.testing.assert_allclose(np.quantile(share, parts), parts * 0.75, atol=0.04)


def test_no_masking_changes_nothing() -> None:
    x = torch.rand(2, 1, 64, 64)
    assert torch.equal(mask(x, "none", np.random.default_rng(0)), x)


def unpacked(name: str, *shape: int) -> Tensor:
    bits = np.unpackbits(GOLDEN[name])[: int(np.prod(shape))]
    return torch.from_numpy(bits.reshape(shape).astype(bool))


def tensor(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


@pytest.mark.parametrize("cells", SIZES)
def test_masks_equal_frannets_for_the_same_random_numbers(cells: int) -> None:
    visible = cells_to_keep(tensor(f"{cells}/scores"), tensor(f"{cells}/count"))
    assert torch.equal(visible, unpacked(f"{cells}/cells", 3, cells, cells))
    pixels = expand_cells(visible, 64)
    assert torch.equal(pixels, unpacked(f"{cells}/kept", 3, 64, 64))
    x = tensor("input")[:, None]
    for value, out in {7: [(0, "choice/out")], 61: [(-1, "61/out-value")]}.get(cells, []):
        assert torch.equal(hide(x, pixels, value)[:, 0], tensor(out))


@pytest.mark.parametrize(
    ("text", "array"),
    [
        *((f"{cells}", f"masking-{cells}") for cells in (4, 8, 32)),
        ("16:0..0.75", "masking"),
        ("dynamic", "masking-dynamic"),
        ("uniform", "masking-uniform"),
        ("4,9:2..40", "ints"),
        ("4,9:0.25..0.6", "fractions"),
    ],
)
def test_limits_equal_frannets(text: str, array: str) -> None:
    masking = Masking.parse(text)
    assert [[size, *limits(size, masking.least, masking.most)] for size in masking.sizes] == GOLDEN[
        f"limits/{array}"
    ].tolist()


@given(st.integers(1, 64), st.data())
def test_limits_lie_between_none_and_all_but_one(cells: int, data: st.DataObject) -> None:
    count = cells**2
    least = data.draw(st.integers(0, count - 1) | st.floats(0, 1, exclude_max=True))
    low, _ = limits(cells, least, count)
    most = data.draw(st.integers(low, 2 * count) | st.integers(low - count, -1))
    low, high = limits(cells, least, most)
    assert 0 <= low <= high < count
    assert high == (most + count if most < 0 else min(most, count - 1))
    assert low == (int(least * count) if isinstance(least, float) else least)


@given(st.integers(1, 64), st.data())
def test_the_count_of_the_largest_scores_is_masked(cells: int, data: st.DataObject) -> None:
    count = data.draw(st.lists(st.integers(0, cells**2 - 1), min_size=2, max_size=2))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scores = torch.from_numpy(np.stack([rng.permutation(cells**2) for _ in count]) + 0.5)
    visible = cells_to_keep(scores, torch.tensor(count)).flatten(1)
    assert (~visible).sum(1).tolist() == count
    for row, stays in zip(scores, visible, strict=True):
        assert not (~stays).any() or row[~stays].min() > row[stays].max()


@given(st.integers(1, 64), st.integers(1, 130))
def test_a_pixel_belongs_to_the_cell_of_its_centre(cells: int, size: int) -> None:
    numbered = torch.arange(cells**2).reshape(1, cells, cells)
    rows, columns = expand_cells(numbered, size)[0] // cells, expand_cells(numbered, size)[0] % cells
    for index in range(size):
        # In whole numbers. Where a centre lies on the border of two cells, float32 decides.
        place, rest = divmod((2 * index + 1) * cells, 2 * size)
        accepted = {place, place - 1} if rest == 0 else {place}
        assert set(rows[index].tolist()) | set(columns[:, index].tolist()) <= accepted


def test_masked_pixels_have_the_value() -> None:
    x = torch.rand(2, 1, 64, 64) * 0.5
    masked = mask(x, "8:5..5:-1", np.random.default_rng(0))
    assert ((masked == -1).sum(dim=(1, 2, 3)) == 5 * 64).all()
    assert torch.equal(masked[masked != -1], x[masked != -1])


def test_a_size_is_drawn_for_each_batch_and_a_count_for_each_picture() -> None:
    rng, masking = np.random.default_rng(0), Masking.parse("2,3:0..-1")
    counts: dict[int, set[int]] = {2: set(), 3: set()}
    for _ in range(50):
        masked = masking(torch.ones(8, 1, 6, 6), rng)
        cells = 3 if (masked.reshape(8, 3, 2, 3, 2).std(dim=(2, 4), correction=0) == 0).all() else 2
        counts[cells] |= set((masked == 0).sum(dim=(1, 2, 3)).floor_divide(36 // cells**2).tolist())
    assert counts == {2: set(range(4)), 3: set(range(9))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8:0.5..0.25", "got 0.5..0.25, which is 32 to 16 of 8 x 8 cells"),
        ("4,8:20..40", "got 20..40, which is 20 to 15 of 4 x 4 cells"),
        ("4:-17..-1", "which is -1 to 15"),
        ("4:0..3:2", "the value of masked pixels must be a number from -1 to 1, got 2.0"),
        ("4:0..1.0", "a fraction of cells to mask must be a number from 0 to below 1, got 1.0"),
        *(
            (wrong, "masking must be none, uniform")
            for wrong in ("", "65", "0", "4,", "9..5", "8:1", "8:0.1-0.75", "8:..", "a")
        ),
    ],
)
def test_invalid_maskings_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^masking ") as raised:
        check_masking(text)
    assert message in str(raised.value)
