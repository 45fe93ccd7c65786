"""The viewer: pictures that it takes, what it refuses, its state in Python, and the pages that it writes."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import comm
import numpy as np
import pytest
import torch
import traitlets
from ipywidgets.widgets import widget
from PIL import Image

import frantools as ft
from frantools.cli import main
from frantools.viewer import encoding as pictures
from frantools.viewer import page, panes, scripts
from frantools.viewer.encoding import encode_picture
from frantools.widgets.sweep_map import MapWidget
from frantools.widgets.viewer_widget import MAX_DETAILS, PictureModel, Viewer

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
BAD = ["</script><script>alert(1)</script>", '<img src=x onerror="alert(1)">', "a & b", "<!--", "]]>", "\u2028"]


def decoded(encoded: pictures.EncodedPicture) -> np.ndarray:
    """The pixels of an encoded picture, put together from its tiles."""
    picture = np.zeros((encoded.height, encoded.width, 3), np.uint8)
    for tile in encoded.tiles:
        part = np.asarray(Image.open(io.BytesIO(tile.data)))
        picture[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = part
    return picture


def content(html: bytes) -> dict[str, Any]:
    """What a page holds for its viewer."""
    match = re.search(rb'<script type="application/json" id="frantools-viewer">(.*?)</script>', html, re.DOTALL)
    assert match
    return json.loads(match[1])


def sent(viewer: Viewer) -> list[PictureModel]:
    """The pictures that the browser has, in the order of the panes."""
    return [model for model in viewer._models.values() if model is not None]


# Pictures


@pytest.mark.parametrize("shape", [(24, 32, 3), (2048, 3, 3), (2049, 5, 3), (10, 5000, 3)], ids=str)
def test_encoded_pictures_of_any_size_have_the_exact_pixels(shape):
    picture = RNG.integers(0, 256, shape, dtype=np.uint8)
    encoded = pictures.encode_picture(picture)
    assert (decoded(encoded) == picture).all()
    assert max(max(tile.width, tile.height) for tile in encoded.tiles) <= pictures.TILE
    assert (encoded.overview is not None) == (len(encoded.tiles) > 1)
    if encoded.overview is not None:
        assert max(Image.open(io.BytesIO(encoded.overview)).size) <= pictures.TILE


def test_all_kinds_of_pictures_are_accepted(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "noise.png")
    photo, floats = ft.Photo(NOISE, "whole"), (NOISE / 255).astype(np.float32)
    path = tmp_path / "noise.png"
    given = {
        "array": NOISE, "floats": floats, "path": path, "name": str(path), "bytes": path.read_bytes(), "photo": photo,
        "restoration": ft.Restoration(floats, 0.0, 1), "PIL": Image.fromarray(NOISE),
    }  # fmt: skip
    viewer = Viewer(given)
    assert all((decoded(model.encoded) == NOISE).all() for model in sent(viewer))
    assert len({model.model_id for model in sent(viewer)}) == 1, "the same pixels are sent once"
    gray = Viewer({"gray": NOISE[..., 0]})
    assert (decoded(sent(gray)[0].encoded) == NOISE[..., :1]).all()


def test_pairs_and_tensors_are_accepted():
    pairs = panes.read_panes([("x", NOISE), ("y", torch.as_tensor(NOISE // 2))]).pictures
    np.testing.assert_array_equal([pairs["x"], pairs["y"]], [NOISE, NOISE // 2])
    stack = panes.read_panes(torch.rand(3, 8, 8, 3, requires_grad=True)).pictures
    assert {title: item.shape for title, item in stack.items()} == dict.fromkeys("123", (8, 8, 3))
    assert list(panes.read_panes(torch.zeros(8, 8, 3)).pictures) == ["1"]
    with pytest.raises(ValueError, match="two pictures have the same title"):
        panes.read_panes([("x", NOISE), ("x", NOISE)])


def test_a_stack_is_numbered():
    assert list(Viewer([NOISE, NOISE]).pictures) == ["1", "2"]
    assert list(Viewer(np.stack([NOISE] * 3)).pictures) == ["1", "2", "3"]
    assert list(Viewer(NOISE).pictures) == ["1"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the number of pictures must be from 1 to 20, got 0"),
        ([NOISE] * 21, "the number of pictures must be from 1 to 20, got 21"),
        (
            {"wide": np.zeros((1, 8193), np.uint8)},
            "wide must be at most 8192 pixels a side, got 8193 x 1",
        ),
        ({"bright": np.full((4, 4), 1.5)}, "bright: the picture has values from 1.5 to 1.5"),
        ({"NaN": np.full((4, 4), np.nan)}, "NaN: the picture has 16 values that are NaN or infinite"),
        ({"text": b"no picture"}, "text: the picture is not a picture"),
        ({1: NOISE, "1": NOISE}, "two pictures have the same title"),
        (7, "pictures must be a Comparison, a dict of titles and pictures, or a sequence"),
    ],
    ids=["none", "21", "wide", "bright", "NaN", "bytes", "titles", "int"],
)
def test_other_inputs_are_errors(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Viewer(given)


def test_more_than_400_megapixels_are_an_error(monkeypatch):
    monkeypatch.setattr(panes, "MAX_PIXELS", 1500)
    viewer = Viewer({"a": NOISE})
    with pytest.raises(ValueError, match="megapixels in total"):
        Viewer([NOISE, NOISE])
    with pytest.raises(ValueError, match="megapixels in total"):
        viewer.update({"b": NOISE})
    assert list(viewer.pictures) == ["a"], "it stays as it was"


def test_the_reference_is_found_by_its_title():
    assert Viewer({"a": NOISE, "Original": NOISE}).reference == "Original"
    assert Viewer({"a": NOISE, "REFERENCE": NOISE}).reference == "REFERENCE"
    assert Viewer({"a": NOISE, "b": NOISE}).reference == "a"
    assert Viewer({"a": NOISE, "original": NOISE}, reference="a").reference == "a"
    with pytest.raises(ValueError, match="reference must be one of 'a', got 'c'"):
        Viewer({"a": NOISE}, reference="c")


def test_a_comparison_brings_its_numbers_its_errors_and_its_recipe():
    def fail(picture):
        raise RuntimeError("no good")

    comparison = ft.compare("hopper", ["original", "bicubic", "nearest", ("fails", fail)], size=32)
    viewer = Viewer(comparison)
    assert viewer.pictures == {"original": (32, 32), "bicubic": (32, 32), "nearest": (32, 32), "fails": None}
    assert viewer.notes == {"fails": "fails raised RuntimeError: no good"}
    assert re.fullmatch(r"loss 0\.\d{4}  PSNR \d\d\.\d\d? dB  SSIM 0\.\d+", viewer.numbers["bicubic"])
    assert "original" not in viewer.numbers
    numbers = comparison.numbers(("mse", "psnr", "ssim"))
    better = min(("bicubic", "nearest"), key=lambda title: numbers[title]["mse"])
    assert 0 in viewer.best[better]
    assert viewer.caption == comparison.protocol()
    assert viewer.recipe == comparison.recipe
    fresh = Viewer(ft.compare("hopper", ["nearest", "bicubic"], size=32))
    fresh.pictures = comparison
    assert content(fresh._page(None)) == content(viewer._page(None)) == content(page.comparison_page(comparison))


@pytest.mark.parametrize("region", [None, ft.Region(0.25, 0.25, 0.5, 0.5)], ids=["whole", "region"])
def test_the_original_of_a_comparison_comes_before_its_columns(region):
    comparison = ft.compare("hopper", ["nearest", "bicubic"], size=32, region=region)
    viewer = Viewer(comparison)
    assert list(viewer.pictures) == ["original", "nearest", "bicubic"]
    assert viewer.reference == "original"
    assert viewer.numbers.keys() == {"nearest", "bicubic"}
    state = content(page.comparison_page(comparison))
    assert state["_reference"] == "original"
    data = state["pictures"][state["_panes"][0]["picture"]]["tiles"][0]["data"]
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(data)))) / 255
    np.testing.assert_allclose(pixels, comparison.reference, atol=1e-6)
    viewer.reference = "bicubic"
    assert viewer.reference == "bicubic"
    viewer.reference = None
    assert viewer.reference == "original"
    viewer.pictures = {"nearest": NOISE, "mine": NOISE}
    assert viewer.reference == "nearest", "that of the comparison went with it"


@pytest.mark.parametrize(
    ("photo", "columns", "titles", "reference"),
    [
        (ft.Photo("hopper"), ["nearest", ("photo", "original")], ["nearest", "photo"], "photo"),
        (ft.Photo("hopper"), ["nearest", ("Original", NOISE)], ["nearest", "Original"], "Original"),
        (ft.Photo("hopper", reference=None), ["nearest", "bicubic"], ["nearest", "bicubic"], "nearest"),
        (ft.Photo("hopper", reference=NOISE), ["original"], ["reference", "original"], "reference"),
        (ft.Photo("hopper"), ["nearest"] * 20, ["nearest", *(f"nearest ({n})" for n in range(2, 21))], "nearest"),
    ],
    ids=["a column", "a title", "none", "another", "no room"],
)  # fmt: skip
def test_the_reference_of_a_comparison_is_that_of_its_numbers(photo, columns, titles, reference):
    comparison = ft.compare(photo, columns, size=16)
    viewer, widget = Viewer(comparison), ft.widgets.compare(photo, columns, size=16)
    assert list(widget.viewer.pictures) == titles, "from the first moment"
    assert widget.wait(60)
    for item in (viewer, widget.viewer):
        assert list(item.pictures) == titles
        assert item.reference == reference
    assert content(page.comparison_page(comparison))["_reference"] == reference
    widget.close()


# State


def test_only_what_changed_is_sent_again():
    viewer = Viewer({"a": NOISE, "b": 255 - NOISE}, boxes=[(1, 2, 3, 4)])
    viewer.view = ft.Region(0.25, 0.25, 0.5, 0.5)
    unchanged, replaced = sent(viewer)
    messages: list[Any] = []
    viewer.observe(lambda change: messages.append(change["name"]))
    viewer.update({"b": NOISE // 2, "a": NOISE.copy()})
    assert sent(viewer)[0] is unchanged
    assert replaced.comm is None, "what is no longer shown is freed"
    assert messages == ["_panes"], "zoom and boxes stay"
    viewer.pictures = {"b": NOISE // 2, "c": NOISE}
    assert viewer.pictures == {"b": (32, 24), "c": (32, 24)}
    assert unchanged.comm is not None
    assert sent(viewer)[1] is unchanged, "under another title it is the same picture"


@pytest.fixture
def wire(monkeypatch):
    """The buffers of each message to the browser."""
    buffers: list[list[bytes]] = []

    def publish(_: Any, *__: Any, **message: Any) -> None:
        buffers.append([bytes(item) for item in message.get("buffers") or []])

    monkeypatch.setattr(comm.base_comm.BaseComm, "publish_msg", publish)
    monkeypatch.setattr(comm.DummyComm, "publish_msg", publish)
    return buffers


def test_each_picture_is_sent_once(wire):
    pictures = {name: RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8) for name in "abcd"}
    data = {name: encode_picture(item).tiles[0].data for name, item in pictures.items()}
    viewer = Viewer({"a": pictures["a"], "b": pictures["b"]})

    def sent_now() -> list[bytes]:
        buffers = [item for message in wire for item in message]
        wire.clear()
        return buffers

    assert sent_now() == [data["a"], data["b"]]
    viewer.pictures = {"a": pictures["a"], "b": pictures["b"].copy(), "c": pictures["c"]}
    assert sent_now() == [data["c"]], "a column that is added"
    viewer.update({"b": pictures["d"]})
    assert sent_now() == [data["d"]], "a column whose slider was moved"
    viewer.update({"c": pictures["a"], "e": pictures["d"]})
    assert sent_now() == [], "the browser has these already"
    viewer.detail("a", ft.Region(0.5, 0.5, 0.25, 0.25), pictures["b"])
    assert sent_now() == [data["b"]], "a sharper part"
    viewer.detail("b", ft.Region(0.5, 0.5, 0.25, 0.25), pictures["c"])
    assert sent_now() == [data["c"]], "and not the others again"
    viewer.detail("b", ft.Region(0.5, 0.5, 0.25, 0.25), pictures["c"].copy())
    assert sent_now() == [], "nor itself"
    viewer.view, viewer.boxes, viewer.selected = ft.Region(0, 0, 0.5, 0.5), [(1, 2, 3, 4)], "a"
    viewer.notes = {"a": "!"}
    viewer.set_state({"view": {"x": 0, "y": 0, "width": 1, "height": 1}, "_commits": 1})
    viewer.reference = "b"
    for _ in range(2):
        viewer._repr_mimebundle_()
    assert sent_now() == [], "a second view of the same viewer shows what the first one has"


def test_boxes_stay_in_place_when_the_reference_changes_size():
    viewer = Viewer({"a": NOISE}, boxes=[{"name": "eye", "box": (8, 6, 16, 12)}])
    viewer.update({"a": np.zeros((48, 64), np.uint8)})
    assert viewer.boxes == [{"name": "eye", "box": [16, 12, 32, 24]}]
    fixed = Viewer({"a": NOISE}, frame=(320, 240), boxes=[(100, 100, 300, 200)])
    fixed.update({"a": np.zeros((48, 64), np.uint8)})
    assert fixed.boxes == [{"name": "1", "box": [100, 100, 300, 200]}]
    assert fixed.frame == (320, 240)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("view", {"x": 0}, "view must be a Region or a dict of x, y, width, height"),
        ("view", {"x": 0, "y": 0, "width": 2, "height": 1}, "leaves the picture"),
        ("view", {"x": 0, "y": 0, "width": float("nan"), "height": 1}, "view must be finite numbers"),
        ("boxes", [(0, 0, 33, 4)], "must lie within 0, 0, 32, 24"),
        ("boxes", [(0, 0, 1.5, 4)], "a box must be four integers"),
        ("boxes", ["eye"], "a box must be four integers"),
        ("boxes", 5, "boxes must be a list of boxes"),
        ("selected", "c", "selected must be None or one of 'a', 'b', got 'c'"),
    ],
    ids=["names", "outside", "NaN", "beyond", "floats", "text", "number", "title"],
)
def test_invalid_traits_are_errors(name, value, message):
    viewer = Viewer({"a": NOISE, "b": NOISE})
    before = getattr(viewer, name)
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(viewer, name, value)
    assert getattr(viewer, name) == before


def test_none_is_the_whole_frame_and_no_boxes():
    viewer = Viewer({"a": NOISE}, boxes=[(0, 0, 4, 4)])
    viewer.view, viewer.boxes = None, None
    assert viewer.view == vars(ft.Region.full())
    assert viewer.boxes == []
    for _ in range(MAX_DETAILS + 1):
        part = ft.Region(*RNG.uniform(0, 0.4, 2), 0.5, 0.5)
        viewer.detail("a", part, NOISE[:2, :2])
    assert len(viewer.details["a"]) == MAX_DETAILS


@pytest.mark.parametrize("frame", ["ab", (0, 5), 64, (8, 8, 8), (8.0, 8)], ids=str)
def test_invalid_frames_are_errors(frame):
    with pytest.raises(ValueError, match=r"frame must be None or two positive integers \(width, height\)"):
        Viewer({"a": NOISE}, frame=frame)
    viewer = Viewer({"a": NOISE})
    with pytest.raises(ValueError, match="frame must be "):
        viewer.frame = frame
    assert viewer.frame == (32, 24)


def test_crops_accepts_boxes():
    comparison = ft.compare("hopper", ["original", "nearest"], size=32)
    viewer = Viewer(comparison, boxes=[{"name": "eye", "box": (4, 4, 12, 12)}, *comparison.rois(8, 1)])
    assert [item["name"] for item in viewer.boxes] == ["eye", "2"]
    assert len(ft.crops(comparison, boxes=viewer.boxes).axes) == 6
    for rows in (np.array([[0, 0, 4, 4], [4, 4, 8, 9]]), torch.tensor([[0, 0, 4, 4], [4, 4, 8, 9]])):
        viewer.boxes = rows
        assert [item["box"] for item in viewer.boxes] == rows.tolist()
        assert len(ft.crops(comparison, boxes=rows).axes) == 6


def test_changes_of_the_browser_arrive():
    viewer = Viewer({"a": NOISE, "b": NOISE})
    part = {"x": 0.5, "y": 0.25, "width": 0.25, "height": 0.25}
    box = {"name": "<b>", "box": [1, 1, 5, 5]}
    viewer.set_state({"view": part, "boxes": [box], "selected": "b", "screen": {"width": 300, "height": 200, "dpr": 2}})
    assert (viewer.view, viewer.boxes, viewer.selected) == (part, [box], "b")
    assert viewer.screen == {"width": 300, "height": 200, "dpr": 2}
    with pytest.raises(traitlets.TraitError):
        viewer.screen = {}
    viewer.update({"c": NOISE})
    assert viewer.selected == "b"
    viewer.pictures = [NOISE]
    assert viewer.selected is None


def test_a_click_on_a_chip_calls_back():
    viewer, clicked = Viewer({"a": NOISE}), []
    viewer.on_chip(clicked.append)
    viewer._handle_custom_msg({"kind": "chip", "title": "a"}, [])
    viewer._handle_custom_msg({"kind": "chip", "title": "gone"}, [])
    assert clicked == ["a"]


def test_details_last_as_long_as_their_picture():
    viewer = Viewer({"a": NOISE, "b": NOISE // 2})
    part = ft.Region(0.5, 0.5, 0.25, 0.25)
    viewer.detail("a", part, NOISE)
    (first,) = viewer._panes[0]["details"]
    assert {name: first[name] for name in ("x", "y", "width", "height")} == vars(part)
    viewer.detail("a", part, 255 - NOISE)
    (second,) = viewer._panes[0]["details"]
    assert first["picture"] != second["picture"]
    viewer.update({"b": NOISE // 3})
    assert viewer._panes[0]["details"] == [second]
    viewer.update({"a": NOISE // 3})
    assert viewer._panes[0]["details"] == []
    with pytest.raises(ValueError, match="title must be one of 'a', 'b', got 'c'"):
        viewer.detail("c", part, NOISE)


def test_a_closed_viewer_leaves_nothing_behind():
    before = set(widget._instances)
    viewer = Viewer({"a": NOISE, "b": NOISE // 2})
    viewer.detail("a", ft.Region.full(), NOISE // 5)
    assert len(set(widget._instances) - before) == 5, "the viewer, its layout, and three pictures"
    viewer.close()
    assert set(widget._instances) <= before


@pytest.mark.parametrize("reverse", [False, True])
def test_models_may_be_closed_in_any_order(reverse):
    before = set(widget._instances)
    viewer = Viewer({"a": NOISE, "b": NOISE // 2})
    viewer.detail("a", ft.Region.full(), NOISE // 5)
    changes: list[Any] = []
    viewer.observe(changes.append, "_panes")
    mine = [item for key, item in widget._instances.items() if key not in before]
    for item in reversed(mine) if reverse else mine:
        item.close()
    assert viewer.comm is None
    assert not changes
    assert set(widget._instances) <= before


def test_a_page_without_a_kernel_shows_the_pictures():
    bundle, _ = Viewer({"a": NOISE, "b": 255 - NOISE})._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    pixels = Image.open(io.BytesIO(b64decode(bundle["image/png"])))
    squares = np.asarray(pixels.convert("RGB"))[20:260, :320]  # ten times as large, below the title
    np.testing.assert_array_equal(squares[5::10, 5::10], NOISE)


def test_a_saved_notebook_as_html_shows_the_pictures():
    nbconvert, nbformat = pytest.importorskip("nbconvert"), pytest.importorskip("nbformat.v4")
    bundle, _ = Viewer({"a": NOISE})._repr_mimebundle_()
    cell = nbformat.new_code_cell("viewer", outputs=[nbformat.new_output("display_data", bundle)])
    html, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.new_notebook(cells=[cell]))
    assert f'src="data:image/png;base64,{bundle["image/png"].strip()}"' in html.replace("\n", "")


# Pages


def write_example_page(tmp_path: Path, **options: Any) -> bytes:
    viewer = Viewer({"original": NOISE, **dict.fromkeys(BAD, 255 - NOISE)})
    viewer.notes = viewer.chips = viewer.numbers = {bad: bad for bad in BAD}
    viewer.boxes = [{"name": BAD[0], "box": (1, 2, 9, 9)}]
    viewer.save(tmp_path / "made.html", **options)
    written = (tmp_path / "made.html").read_bytes()
    assert viewer.size(**options) == len(written)
    return written


def test_a_page_contains_the_pictures_and_escapes_texts(tmp_path):
    html = write_example_page(tmp_path)
    state = content(html)
    assert [item["title"] for item in state["_panes"]] == ["original", *BAD]
    tile = state["pictures"][state["_panes"][0]["picture"]]["tiles"][0]
    assert (np.asarray(Image.open(io.BytesIO(b64decode(tile["data"])))) == NOISE).all()
    assert state["boxes"] == [{"name": BAD[0], "box": [1, 2, 9, 9]}]
    text = html.decode()
    assert text.count("<script") == text.count("</script>") == 2, "nothing that is said opens or closes a tag"
    assert "<img" not in text


def test_a_page_loads_and_sends_nothing(tmp_path):
    text = write_example_page(tmp_path).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    for kind, pattern in (
        ("script-src", r'<script type="module">(.*?)</script>'),
        ("style-src", r"<style>(.*?)</style>"),
    ):
        inside = re.search(pattern, text, re.DOTALL)[1]
        hashed = page._hash(inside)
        assert rules[kind] == f"'{hashed}'"
        assert sha256(inside.encode()).digest() == b64decode(hashed.removeprefix("sha256-"))
    code = scripts.script("page") + scripts.script("widget") + scripts.style()
    assert not re.search(
        r"https?://|\beval\b|new Function|innerHTML|insertAdjacent|document\.write|@import|url\(", code
    )


def test_quality_trades_the_size_of_a_page(tmp_path):
    viewer = Viewer({"a": np.asarray(Image.fromarray(ft.portraits()["hopper"]).resize((200, 200)))})
    assert viewer.size(quality=60) < viewer.size(quality=95) < viewer.size()
    for quality in (0, 101, 1.5, "high"):
        with pytest.raises(ValueError, match="quality must be"):
            viewer.size(quality)
    with pytest.raises(ValueError, match=r"the name of a page must end in \.html"):
        viewer.save(tmp_path / "made.png")


def test_a_page_too_large_for_browsers_is_an_error_before_it_is_written(tmp_path, monkeypatch):
    photo = np.asarray(Image.fromarray(ft.portraits()["hopper"]).resize((200, 200)))
    viewer = Viewer({"a": photo, "b": photo, "c": photo[::-1]})
    sizes = [
        -(-len(tile.data) // 3) * 4 for model in (sent(viewer)[0], sent(viewer)[2]) for tile in model.encoded.tiles
    ]
    monkeypatch.setattr(page, "LIMIT", sum(sizes))
    viewer.save(tmp_path / "fits.html")
    monkeypatch.setattr(page, "LIMIT", sum(sizes) - 1)
    monkeypatch.setattr(page, "to_json", lambda _: pytest.fail("the page is composed"))
    for write in (lambda: viewer.save(tmp_path / "made.html"), viewer.size):
        with pytest.raises(
            ValueError, match=r"the page must be at most 0 MB, which browsers open, got 0 MB; save fewer"
        ):
            write()
    assert not (tmp_path / "made.html").exists()
    monkeypatch.undo()
    monkeypatch.setattr(page, "LIMIT", sum(sizes) - 1)
    viewer.save(tmp_path / "made.html", quality=80)


def test_a_page_contains_its_recipe_and_no_local_folders(tmp_path, capsys):
    folder = tmp_path / "my secret folder"
    folder.mkdir()
    Image.fromarray(ft.portraits()["hopper"]).resize((40, 40)).save(folder / "cat <b>.png")
    photo, missing = folder / "cat <b>.png", folder / "gone.png"
    out = tmp_path / "made.html"
    columns = ["--column", "nearest", "--column", f"mine={photo}"]
    assert main(["compare", str(photo), *columns, "--size", "32", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    recipe = ft.load_recipe(out)
    assert recipe.view == "compare"
    assert [column.title for column in recipe.columns] == ["nearest", "mine"]
    assert recipe.photos[0].name == "cat <b>.png"
    assert b"secret" not in out.read_bytes()
    viewer = Viewer({str(photo): NOISE, str(folder / "other" / "cat <b>.png"): NOISE // 2})
    viewer.notes = {str(photo): f"{photo}: there is no file {missing}, see https://example.org/a/b"}
    html = viewer._page(None)
    assert b"secret" not in html
    assert [item["title"] for item in content(html)["_panes"]] == ["cat <b>.png", "cat <b>.png (2)"]
    note = "cat <b>.png: there is no file gone.png, see https://example.org/a/b"
    assert content(html)["notes"] == {"cat <b>.png": note}
    viewer.save(out)
    with pytest.raises(ValueError, match="no recipe"):
        ft.load_recipe(out)


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/My Data/secret/x.png",
        "/home/me/Bob's photos, 10:30;raw/secret/x.png",
        "/home//me/secret/x.png",
        "file:///home/me/My Data/secret/x.png",
        r"C:\Users\me\My Data\secret\x.png",
        r"C:\\Users\\me\\My Data\\secret\\x.png",
        "file:///C:/Users/me/My Data/secret/x.png",
        "c:/Users/me/My Data/secret/x.png",
        r"\\server\share of me\secret\x.png",
    ],
)
def test_a_page_contains_no_folders_of_paths_in_texts(path):
    viewer = Viewer({"a": NOISE})
    for sentence in ("there is no {}: see https://example.org/a/b", "'{}' (and/or mine) is 3 / 4", "at:{}"):
        viewer.notes = {"a": sentence.format(path)}
        assert content(viewer._page(None))["notes"]["a"] == sentence.format("x.png")


def test_a_damaged_page_is_an_error(tmp_path):
    comparison = ft.compare("hopper", ["nearest"], size=16)
    html = page.comparison_page(comparison)
    out = tmp_path / "made.html"
    out.write_bytes(html)
    assert ft.load_recipe(out) == comparison.recipe
    cut = html.index(b'"version"') + 30
    out.write_bytes(html[:cut])
    with pytest.raises(ValueError, match="the recipe is damaged"):
        ft.load_recipe(out)


# JavaScript


NODE = shutil.which("node")
node = pytest.mark.skipif(NODE is None, reason="needs node: install the package nodejs to test the viewer's geometry")


@node
def test_the_geometry_of_the_browser_side():
    tests = [str(path) for path in sorted((ROOT / "tests" / "js").glob("*.test.js"))]
    run = subprocess.run([NODE, "--test", *tests], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^# pass [1-9]", run.stdout, re.MULTILINE)


@node
@pytest.mark.parametrize("code", [Viewer._esm, MapWidget._esm, scripts.script("page")], ids=["widget", "plane", "page"])
def test_the_joined_modules_are_one_module_without_imports(code, tmp_path):
    path = tmp_path / "joined.mjs"
    path.write_text(str(code), encoding="utf-8")
    run = subprocess.run([NODE, "--check", str(path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not re.search(r"^\s*(import|export (?!default))", path.read_text(), re.MULTILINE)


def test_the_browser_side_stays_small():
    lengths = {
        path.name: len(path.read_text().splitlines()) for path in (Path(scripts.__file__).parent / "js").glob("*.js")
    }
    assert {f"{name}.js" for name in (*scripts.SHARED, "widget", "page", "plane")} == lengths.keys()
    assert max(lengths.values()) < 400
    assert sum(lengths.values()) < 2500


def test_a_contact_sheet_shows_coarse_and_fine_pictures_at_the_same_size():
    encoded = {f"{size} pixels": pictures.encode_picture(np.full((size, size, 3), 255, np.uint8)) for size in (200, 16)}
    sheet = np.asarray(Image.open(io.BytesIO(pictures.contact_sheet(encoded))).convert("RGBA"))
    white = (sheet == 255).all(axis=2).sum(axis=0)  # white pixels in each column of the sheet
    half = sheet.shape[1] // 3
    assert white[:half].max() == white[half : 2 * half].max() >= 300
