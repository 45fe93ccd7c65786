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
    made = np.zeros((encoded.height, encoded.width, 3), np.uint8)
    for tile in encoded.tiles:
        part = np.asarray(Image.open(io.BytesIO(tile.data)))
        made[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = part
    return made


def content(html: bytes) -> dict[str, Any]:
    """What a page holds for its viewer."""
    found = re.search(rb'<script type="application/json" id="frantools-viewer">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def sent(viewer: Viewer) -> list[PictureModel]:
    """The pictures that the browser has, in the order of the panes."""
    return [model for model in viewer._models.values() if model is not None]


# Pictures


@pytest.mark.parametrize("shape", [(24, 32, 3), (2048, 3, 3), (2049, 5, 3), (10, 5000, 3)], ids=str)
def test_an_encoded_picture_has_the_very_pixels_whatever_its_size(shape):
    picture = RNG.integers(0, 256, shape, dtype=np.uint8)
    encoded = pictures.encode_picture(picture)
    assert (decoded(encoded) == picture).all()
    assert max(max(tile.width, tile.height) for tile in encoded.tiles) <= pictures.TILE
    assert (encoded.overview is not None) == (len(encoded.tiles) > 1)
    if encoded.overview is not None:
        assert max(Image.open(io.BytesIO(encoded.overview)).size) <= pictures.TILE


def test_all_kinds_of_pictures_are_taken(tmp_path):
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


def test_pairs_and_tensors_are_taken():
    pairs = panes.read_panes([("x", NOISE), ("y", torch.as_tensor(NOISE // 2))]).pictures
    np.testing.assert_array_equal([pairs["x"], pairs["y"]], [NOISE, NOISE // 2])
    stack = panes.read_panes(torch.rand(3, 8, 8, 3, requires_grad=True)).pictures
    assert {title: each.shape for title, each in stack.items()} == dict.fromkeys("123", (8, 8, 3))
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
def test_what_is_no_collection_of_pictures_is_refused_in_a_sentence(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Viewer(given)


def test_more_than_400_megapixels_are_refused(monkeypatch):
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

    made = ft.compare("hopper", ["original", "bicubic", "nearest", ("fails", fail)], size=32)
    viewer = Viewer(made)
    assert viewer.pictures == {"original": (32, 32), "bicubic": (32, 32), "nearest": (32, 32), "fails": None}
    assert viewer.notes == {"fails": "fails raised RuntimeError: no good"}
    assert re.fullmatch(r"loss 0\.\d{4}  PSNR \d\d\.\d\d? dB  SSIM 0\.\d+", viewer.numbers["bicubic"])
    assert "original" not in viewer.numbers
    numbers = made.numbers(("mse", "psnr", "ssim"))
    better = min(("bicubic", "nearest"), key=lambda title: numbers[title]["mse"])
    assert 0 in viewer.best[better]
    assert viewer.caption == made.protocol()
    assert viewer.recipe == made.recipe
    fresh = Viewer(ft.compare("hopper", ["nearest", "bicubic"], size=32))
    fresh.pictures = made
    assert content(fresh._page(None)) == content(viewer._page(None)) == content(page.comparison_page(made))


@pytest.mark.parametrize("region", [None, ft.Region(0.25, 0.25, 0.5, 0.5)], ids=["whole", "region"])
def test_the_original_of_a_comparison_stands_before_its_columns(region):
    made = ft.compare("hopper", ["nearest", "bicubic"], size=32, region=region)
    viewer = Viewer(made)
    assert list(viewer.pictures) == ["original", "nearest", "bicubic"]
    assert viewer.reference == "original"
    assert viewer.numbers.keys() == {"nearest", "bicubic"}
    told = content(page.comparison_page(made))
    assert told["_reference"] == "original"
    held = told["pictures"][told["_panes"][0]["picture"]]["tiles"][0]["data"]
    shown = np.asarray(Image.open(io.BytesIO(b64decode(held)))) / 255
    np.testing.assert_allclose(shown, made.reference, atol=1e-6)
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
def test_the_reference_of_a_comparison_is_what_its_numbers_are_against(photo, columns, titles, reference):
    made = ft.compare(photo, columns, size=16)
    viewer, widget = Viewer(made), ft.widgets.compare(photo, columns, size=16)
    assert list(widget.viewer.pictures) == titles, "from the first moment"
    assert widget.wait(60)
    for each in (viewer, widget.viewer):
        assert list(each.pictures) == titles
        assert each.reference == reference
    assert content(page.comparison_page(made))["_reference"] == reference
    widget.close()


# State


def test_only_what_changed_is_sent_again():
    viewer = Viewer({"a": NOISE, "b": 255 - NOISE}, boxes=[(1, 2, 3, 4)])
    viewer.view = ft.Region(0.25, 0.25, 0.5, 0.5)
    kept, gone = sent(viewer)
    messages: list[Any] = []
    viewer.observe(lambda change: messages.append(change["name"]))
    viewer.update({"b": NOISE // 2, "a": NOISE.copy()})
    assert sent(viewer)[0] is kept
    assert gone.comm is None, "what is no longer shown is freed"
    assert messages == ["_panes"], "zoom and boxes stay"
    viewer.pictures = {"b": NOISE // 2, "c": NOISE}
    assert viewer.pictures == {"b": (32, 24), "c": (32, 24)}
    assert kept.comm is not None
    assert sent(viewer)[1] is kept, "under another title it is the same picture"


@pytest.fixture
def wire(monkeypatch):
    """The buffers of each message to the browser."""
    buffers: list[list[bytes]] = []

    def publish(_: Any, *__: Any, **message: Any) -> None:
        buffers.append([bytes(each) for each in message.get("buffers") or []])

    monkeypatch.setattr(comm.base_comm.BaseComm, "publish_msg", publish)
    monkeypatch.setattr(comm.DummyComm, "publish_msg", publish)
    return buffers


def test_each_picture_is_sent_once(wire):
    pictures = {name: RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8) for name in "abcd"}
    data = {name: encode_picture(each).tiles[0].data for name, each in pictures.items()}
    viewer = Viewer({"a": pictures["a"], "b": pictures["b"]})

    def sent_now() -> list[bytes]:
        buffers = [each for message in wire for each in message]
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


def test_boxes_stay_where_they_are_when_the_reference_gets_other_pixels():
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
def test_what_a_trait_cannot_be_is_refused_in_a_sentence(name, value, message):
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
def test_what_is_no_frame_is_refused_in_a_sentence(frame):
    with pytest.raises(ValueError, match=r"frame must be None or two positive integers \(width, height\)"):
        Viewer({"a": NOISE}, frame=frame)
    viewer = Viewer({"a": NOISE})
    with pytest.raises(ValueError, match="frame must be "):
        viewer.frame = frame
    assert viewer.frame == (32, 24)


def test_boxes_are_what_crops_takes():
    made = ft.compare("hopper", ["original", "nearest"], size=32)
    viewer = Viewer(made, boxes=[{"name": "eye", "box": (4, 4, 12, 12)}, *made.rois(8, 1)])
    assert [each["name"] for each in viewer.boxes] == ["eye", "2"]
    assert len(ft.crops(made, boxes=viewer.boxes).axes) == 6
    for rows in (np.array([[0, 0, 4, 4], [4, 4, 8, 9]]), torch.tensor([[0, 0, 4, 4], [4, 4, 8, 9]])):
        viewer.boxes = rows
        assert [each["box"] for each in viewer.boxes] == rows.tolist()
        assert len(ft.crops(made, boxes=rows).axes) == 6


def test_what_the_browser_changes_arrives():
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


def test_a_chip_that_is_clicked_calls_back():
    viewer, clicked = Viewer({"a": NOISE}), []
    viewer.on_chip(clicked.append)
    viewer._handle_custom_msg({"kind": "chip", "title": "a"}, [])
    viewer._handle_custom_msg({"kind": "chip", "title": "gone"}, [])
    assert clicked == ["a"]


def test_details_are_kept_by_part_and_go_with_the_picture():
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
    told: list[Any] = []
    viewer.observe(told.append, "_panes")
    mine = [each for key, each in widget._instances.items() if key not in before]
    for each in reversed(mine) if reverse else mine:
        each.close()
    assert viewer.comm is None
    assert not told
    assert set(widget._instances) <= before


def test_a_page_without_a_kernel_shows_the_pictures():
    bundle, _ = Viewer({"a": NOISE, "b": 255 - NOISE})._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    shown = Image.open(io.BytesIO(b64decode(bundle["image/png"])))
    squares = np.asarray(shown.convert("RGB"))[20:260, :320]  # ten times as large, below the title
    np.testing.assert_array_equal(squares[5::10, 5::10], NOISE)


def test_a_saved_notebook_as_html_shows_the_pictures():
    nbconvert, nbformat = pytest.importorskip("nbconvert"), pytest.importorskip("nbformat.v4")
    bundle, _ = Viewer({"a": NOISE})._repr_mimebundle_()
    cell = nbformat.new_code_cell("viewer", outputs=[nbformat.new_output("display_data", bundle)])
    html, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.new_notebook(cells=[cell]))
    assert f'src="data:image/png;base64,{bundle["image/png"].strip()}"' in html.replace("\n", "")


# Pages


def made_page(tmp_path: Path, **options: Any) -> bytes:
    viewer = Viewer({"original": NOISE, **dict.fromkeys(BAD, 255 - NOISE)})
    viewer.notes = viewer.chips = viewer.numbers = {bad: bad for bad in BAD}
    viewer.boxes = [{"name": BAD[0], "box": (1, 2, 9, 9)}]
    viewer.save(tmp_path / "made.html", **options)
    written = (tmp_path / "made.html").read_bytes()
    assert viewer.size(**options) == len(written)
    return written


def test_a_page_holds_the_pictures_and_what_is_said_is_no_markup(tmp_path):
    html = made_page(tmp_path)
    held = content(html)
    assert [each["title"] for each in held["_panes"]] == ["original", *BAD]
    tile = held["pictures"][held["_panes"][0]["picture"]]["tiles"][0]
    assert (np.asarray(Image.open(io.BytesIO(b64decode(tile["data"])))) == NOISE).all()
    assert held["boxes"] == [{"name": BAD[0], "box": [1, 2, 9, 9]}]
    text = html.decode()
    assert text.count("<script") == text.count("</script>") == 2, "nothing that is said opens or closes a tag"
    assert "<img" not in text


def test_a_page_lets_nothing_in_and_nothing_out(tmp_path):
    text = made_page(tmp_path).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    for kind, found in (
        ("script-src", r'<script type="module">(.*?)</script>'),
        ("style-src", r"<style>(.*?)</style>"),
    ):
        inside = re.search(found, text, re.DOTALL)[1]
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


def test_a_page_that_browsers_do_not_open_is_refused_with_its_size_before_it_is_written(tmp_path, monkeypatch):
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


def test_a_page_carries_its_recipe_and_no_folder_of_its_maker(tmp_path, capsys):
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
    said = Viewer({str(photo): NOISE, str(folder / "other" / "cat <b>.png"): NOISE // 2})
    said.notes = {str(photo): f"{photo}: there is no file {missing}, see https://example.org/a/b"}
    html = said._page(None)
    assert b"secret" not in html
    assert [each["title"] for each in content(html)["_panes"]] == ["cat <b>.png", "cat <b>.png (2)"]
    note = "cat <b>.png: there is no file gone.png, see https://example.org/a/b"
    assert content(html)["notes"] == {"cat <b>.png": note}
    said.save(out)
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
def test_no_folder_of_a_path_within_a_sentence_is_in_a_page(path):
    viewer = Viewer({"a": NOISE})
    for sentence in ("there is no {}: see https://example.org/a/b", "'{}' (and/or mine) is 3 / 4", "at:{}"):
        viewer.notes = {"a": sentence.format(path)}
        assert content(viewer._page(None))["notes"]["a"] == sentence.format("x.png")


def test_a_damaged_page_is_refused_in_a_sentence(tmp_path):
    made = ft.compare("hopper", ["nearest"], size=16)
    html = page.comparison_page(made)
    out = tmp_path / "made.html"
    out.write_bytes(html)
    assert ft.load_recipe(out) == made.recipe
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


def test_a_sheet_shows_coarse_and_fine_pictures_alike():
    made = {f"{size} pixels": pictures.encode_picture(np.full((size, size, 3), 255, np.uint8)) for size in (200, 16)}
    shown = np.asarray(Image.open(io.BytesIO(pictures.contact_sheet(made))).convert("RGBA"))
    white = (shown == 255).all(axis=2).sum(axis=0)  # white pixels in each column of the sheet
    half = shown.shape[1] // 3
    assert white[:half].max() == white[half : 2 * half].max() >= 300
