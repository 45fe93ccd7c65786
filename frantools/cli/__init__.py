"""The command line: `frantools --help`.

Each command imports what it needs when it runs, so that help and complaints come at once.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from itertools import chain, count
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .. import __version__
from ..files import check_output, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..frannet.adapters import SchedulerSetup
    from ..frannet.network import FranNet
    from ..frannet.restoration import Progress
    from ..frannet.samplers import Setup
    from ..views.figures import RoiSearch

Options = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and that is told its arguments when it is used."""

    def __init__(self, *args: Any, arguments: Callable[[Parser], None] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arguments = arguments

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._arguments is not None:
            self._arguments(self)
            self._arguments = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; see {self.prog} --help\n")


def one_line(text: object) -> str:
    return " ".join(str(text).split())


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """A progress bar, told the share that is done. What takes under half a second shows none."""
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=title, delay=0.5, bar_format=layout, dynamic_ncols=True) as shown:

        def report(share: float) -> None:
            shown.update(share - shown.n)

        yield report


def sides(text: str) -> int | tuple[int, int]:
    """A size as it is typed: N or WxH."""
    width, by, height = text.lower().partition("x")
    try:
        return (int(width), int(height)) if by else int(width)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; accepted are N and WxH, such as 1024 and 640x480"
        ) from None


def add_setup(parser: Parser) -> None:
    parser.add_argument("--setup", metavar="NAME",
                        help="for diffusion models: DDPM, DDIM, A or B (default: B), or a scheduler of diffusers with "
                             "its steps, such as UniPCMultistep:6")  # fmt: skip
    settings = parser.add_argument_group("settings of the sampler, in place of the setup's own")
    settings.add_argument("--stochasticity", type=float, metavar="ETA", help="0 adds no noise, 1 as much as DDPM")
    settings.add_argument("--K", type=int, metavar="STRIDE", help="of the uniform steps, from 1")
    settings.add_argument("--noise-projection", action=argparse.BooleanOptionalAction, default=None,
                          help="pull noisy values back to their distance from the predicted colour")  # fmt: skip
    settings.add_argument("--noise-stddev", metavar="RULE", help="normal, squared or zero")
    settings.add_argument("--clipping", type=float, nargs=2, metavar=("LOW", "HIGH"), help="bounds of the values")
    settings.add_argument("--steps", metavar="RULE", help="uniform or quadratic")
    settings.add_argument("--sampler", metavar="NAME", help="ddim or ddpm")


def add_precision(parser: Parser) -> None:
    parser.add_argument("--precision", default="float32", metavar="NAME",
                        help="of the products: float32, bfloat16 or auto (default: float32)")  # fmt: skip


def named_setup(name: str) -> Setup | SchedulerSetup:
    from ..frannet.setups import named_setup

    return named_setup(name)


def chosen_setup(options: Options) -> Setup | SchedulerSetup | None:
    """The setup that the options of `add_setup` ask for; None where they ask for none."""
    from ..frannet.samplers import Setup

    asked = {field.name: getattr(options, field.name) for field in fields(Setup)}
    changes = {name: value for name, value in asked.items() if value is not None}
    if options.setup is None and not changes:
        return None
    setup = named_setup(options.setup or "B")
    if changes and not isinstance(setup, Setup):
        given = ", ".join(f"--{name}" for name in changes).replace("_", "-")
        raise ValueError(f"{given} cannot go with the scheduler {options.setup}; accepted are its own: NAME:key=value")
    return replace(setup, **changes) if isinstance(setup, Setup) else setup


def figures_arguments(parser: Parser) -> None:
    parser.add_argument("--out", default="figures", metavar="FOLDER", help="where to write (default: figures)")
    parser.add_argument("--only", nargs="+", metavar="FIGURE",
                        help="some of ddpm-vs-ddim, entire-image, roi-crops and local-region")  # fmt: skip
    parser.add_argument("--picture", action="append", metavar="PATH",
                        help="a picture in place of the built-in portraits, or the file of one that a recipe was made "
                        "with; may be given again")  # fmt: skip
    parser.add_argument("--size", type=sides, metavar="SIZE",
                        help="N or WxH pixels, to which a restoration is stretched (default: 1024)")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="SEED", help="of the noise (default: 0)")
    parser.add_argument("--precision", metavar="NAME", help="float32, bfloat16 or auto, the faster one here "
                        "(default: auto)")  # fmt: skip
    parser.add_argument("--beyond", action="store_true", help="below each picture, models that go beyond the note")
    parser.add_argument("--recipe", metavar="FIGURE.png", help="make the figure of this file again, with its recipe")


def figures(options: Options) -> None:
    from ..comparisons import Cache
    from ..recipes import load_recipe, save_figure
    from ..views import note

    changes = {"pictures": options.picture, "size": options.size, "seed": options.seed, "precision": options.precision}
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.recipe is not None:
        if changes.keys() - {"pictures"} or options.only or options.beyond:
            raise ValueError(
                "--recipe says all that makes the figure; accepted beside it is --out, and --picture to tell where its "
                "picture is"
            )
        recipe = load_recipe(options.recipe)
        recipes = [note.located(recipe, options.picture) if options.picture else recipe]
        render = renderer(recipes[0])
    else:
        render = note.render
        search = scaled_search(options.size or 1024)
        # bfloat16 changes a loss by less than a hundredth; the recipe says which precision it was.
        changes = {"precision": "auto", "search": search, "beyond": options.beyond} | changes
        recipes = [note.recipe(name, **changes) for name in options.only or note.FIGURES]
    paths = [check_output(Path(options.out) / f"{recipe['figure']}.png") for recipe in recipes]
    begun, cache = time.perf_counter(), Cache()
    for recipe, path in zip(recipes, paths, strict=True):
        start = time.perf_counter()
        with bar(recipe["figure"]) as progress:
            figure = render(recipe, progress=progress, cache=cache)
        save_figure(figure, path, recipe)
        print(f"{path}  {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{len(paths)} figure(s) in {time.perf_counter() - begun:.1f} s")


def renderer(recipe: dict[str, Any]) -> Callable[..., Figure]:
    """What makes the figure of a recipe, of one of the note's or of a widget."""
    from ..views import note

    if "figure" not in recipe and "setup" in recipe:
        raise ValueError("this is the recipe of a restored picture; frantools restore makes it, with these settings")
    if recipe.get("figure") not in note.FIGURES:
        from .. import widgets

        if recipe.get("figure") in widgets.KINDS:
            return widgets.render
    note.check(recipe)
    return note.render


def scaled_search(size: int | tuple[int, int]) -> RoiSearch:
    """The search of figure 3 in restorations of a size: its own sizes are for the note's 1024 pixels."""
    from ..regions import dimensions
    from ..views.figures import RoiSearch

    note, side = RoiSearch(), min(dimensions(size))
    return replace(note, size=max(1, note.size * side // 1024), sub_size=max(1, note.sub_size * side // 1024))


def restore_arguments(parser: Parser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="your photo; its centre square is restored")
    parser.add_argument("--out", metavar="FILE", help="the .png to write (default: PICTURE-restored.png, here; with a "
                        "number where there is one)")  # fmt: skip
    parser.add_argument("--model", default="diffusion-best", metavar="MODEL",
                        help="a shipped model or a weight file (default: diffusion-best)")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="the .json that belongs to a Keras .h5 file")
    parser.add_argument("--size", type=sides, default=1024, metavar="SIZE",
                        help="N or WxH pixels, to which what is restored is stretched (default: 1024)")  # fmt: skip
    parser.add_argument("--region", type=float, nargs=4, metavar=("X", "Y", "WIDTH", "HEIGHT"),
                        help="what to restore, in fractions of the picture (default: 0 0 1 1)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    add_precision(parser)
    add_setup(parser)


def restore(options: Options) -> None:
    from ..frannet.checkpoints import load_model
    from ..frannet.restoration import restore
    from ..images import load_image
    from ..recipes import save_picture
    from ..regions import Region

    out = check_output(options.out or unused(f"{Path(options.picture).stem}-restored.png"))
    if out.suffix.lower() != ".png":
        raise ValueError(f"{out} does not end in .png, the only format that pictures are written in")
    setup = chosen_setup(options)
    region = Region(*options.region) if options.region else None
    image = load_image(options.picture)
    model = load_model(options.model, options.config)
    with bar("restoring") as progress:
        result = restore(model, image, setup, options.size, region, options.seed, options.precision, progress)
    save_picture(result.image, out, {**result.recipe, "picture": options.picture})
    print(f"{out}  {result.calls} network call(s) a point, {result.seconds:.1f} s")


def unused(name: str) -> Path:
    """A name that nobody asked for must not cost a file: with -2, -3 ... where there is one."""
    path = Path(name)
    others = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(other for other in chain([path], others) if not other.exists())


def rois_arguments(parser: Parser) -> None:
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="two or more pictures of the same thing")
    parser.add_argument("--size", type=int, default=384, help="pixels a side of a region (default: 384)")
    parser.add_argument("--count", type=int, default=4, help="how many regions at most (default: 4)")
    parser.add_argument("--merge", action="store_true", help="join regions that share an edge")
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help="a .png of the pictures, regions outlined, or a .json; again for both")  # fmt: skip


def rois(options: Options) -> None:
    from ..images import load_image
    from ..scores.roi import find_rois, merge_rois
    from ..tables import Table

    outs = [check_output(out) for out in options.out]
    for out in outs:
        if out.suffix.lower() not in (".png", ".json"):
            raise ValueError(f"{out} cannot be written; accepted are names that end in .png and .json")
    images = [load_image(path) for path in options.pictures]
    found = find_rois(images, options.size, options.count)
    if options.merge:
        found = merge_rois(found)
    rows = [asdict(roi) for roi in found]
    print(Table(rows))
    recipe = {name: getattr(options, name) for name in ("pictures", "size", "count", "merge")}
    for out in outs:
        if out.suffix.lower() == ".json":
            write_json(out, {**recipe, "regions": rows})
            continue
        from ..recipes import save_figure
        from ..views.figures import Row, grid

        row = Row(images, outlines=[found] * len(images))
        save_figure(grid([row], cell=min(512, images[0].shape[1])), out, recipe)


def evaluate_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="pictures to measure on, those of its folders too"
    )
    parser.add_argument("--model", nargs="+", required=True, metavar="MODEL",
                        help="shipped models, weight files, and baselines: nearest, bilinear, bicubic, area, and each "
                        "with -colour, which is given the true colour at low resolution")  # fmt: skip
    parser.add_argument("--setup", nargs="+", metavar="NAME",
                        help="for the diffusion models: DDPM, DDIM, A, B, one of these changed, as B:K=25, or a "
                        "scheduler of diffusers and its steps, as UniPCMultistep:6 (default: B)")  # fmt: skip
    parser.add_argument("--size", type=int, default=178, help="pixels a side at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="only the first so many pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the noise of the first picture (default: 0)")
    add_precision(parser)
    parser.add_argument("--out", metavar="FILE.json", help="a file for the numbers, those of each picture too")
    parser.add_argument("--cards", action="store_true", help="keep the numbers in the models' cards too")


def evaluate(options: Options) -> None:
    from ..frannet.checkpoints import card_path, is_card
    from ..frannet.network import FranNet
    from ..frannet.restoration import versions
    from ..pictures import Pictures
    from ..restorers.resizing import BASELINES
    from ..scores.measures import evaluate
    from ..tables import Table

    out = check_output(options.out) if options.out else None
    if out is not None and out.suffix.lower() != ".json":
        raise ValueError(f"{out} does not end in .json, the only format that numbers are written in")
    setups = {name: named_setup(name) for name in options.setup or ["B"]}
    models = [measurable(name) for name in options.model]
    if options.setup and not any(isinstance(model, FranNet) and model.is_diffusion for model in models):
        raise ValueError("neither single-pass models nor baselines have a sampler; --setup goes with a diffusion model")
    for name in options.model if options.cards else ():
        if name in BASELINES or not is_card(card_path(name)):
            raise ValueError(f"{name} has no card {card_path(name)}; --cards goes with models that have one")
    pictures = Pictures(options.data)
    for reason in pictures.skipped:
        print(f"skipped {reason}", file=sys.stderr)
    results = []
    for model in models:
        title, sha256 = (model.name, model.sha256) if isinstance(model, FranNet) else (model, None)
        sampled = isinstance(model, FranNet) and model.is_diffusion
        for name, setup in setups.items() if sampled else [("", None)]:
            with bar(f"{title} {name}".strip()) as progress:
                metrics = evaluate(model, pictures, setup, options.size, options.limit, options.seed,
                                   options.precision, progress)  # fmt: skip
            results.append({"model": title, "sha256": sha256, "setup": name or None, **asdict(metrics)})
    columns = ("model", "setup", "loss", "loss_gray", "psnr", "ssim", "calls", "seconds")
    print(Table([{name: result[name] for name in columns} for result in results]))
    asked = {name: getattr(options, name) for name in ("size", "limit", "seed", "precision")}
    made = {"command": shlex.join(["frantools", *sys.argv[1:]]), "data": pictures.summary(), **asked}
    if out is not None:
        write_json(out, {**made, "versions": versions(), "results": results})
    for name, model in zip(options.model, models, strict=True) if options.cards else ():
        card, sha256 = card_path(name), model.sha256 if isinstance(model, FranNet) else None
        quality = [{c: r[c] for c in (*columns[1:-1], "pictures")} for r in results if r["sha256"] == sha256]
        write_json(card, {**json.loads(card.read_text()), "quality": {**made, "results": quality}})


def measurable(name: str) -> FranNet | str:
    """A model, or the name of a baseline."""
    from ..frannet.checkpoints import load_model
    from ..restorers.resizing import BASELINES

    if name in BASELINES:
        return name
    try:
        return load_model(name)
    except FileNotFoundError as error:
        raise ValueError(f"{error}, and the baselines {', '.join(BASELINES)}") from None


def write_json(path: Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(finite(content), indent=2) + "\n")


def finite(content: Any) -> Any:
    """The same, with null for what JSON has no number for: no SSIM of a tiny picture, an endless PSNR."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content


def train_arguments(parser: Parser) -> None:
    from ..training import Settings

    parser.add_argument("--data", required=True, metavar="FOLDER",
                        help="pictures to train on, of any sizes, those of its folders too")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--held-out", metavar="FOLDER", help="pictures to measure on; default: a twentieth of the data")
    helps = {
        "restorator": "diffusion or single-pass",
        "target": "colour, or residual: what it differs by from the interpolated gray input",
        "features": "note, gray (also the gray input itself) or fine (also features at the input's resolution)",
        "objective": "noise or v: what a diffusion model's network answers",
        "times": "uniform or noisy: which diffusion steps are trained, all alike or the noisy ones more",
        "error": "note (squared for single-pass, absolute for diffusion), square, or huber: squared where it is small",
        "augment": "none, crops, or strong: wider crops and another exposure",
        "masking": "none, uniform, dynamic, or cells a side",
        "steps": "optimiser steps",
        "batch": "pictures a step",
        "points": "points asked about in each picture",
        "rate": "highest learning rate",
        "seed": "of the weights, the data and the noise",
        "precision": "float32 or bfloat16 products",
    }
    for field in fields(Settings):
        default = field.default
        parser.add_argument(f"--{field.name}", type=type(default), default=default,
                            help=f"{helps[field.name]} (default: {default})")  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda ... (default: auto)")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints (default: 500)")
    parser.add_argument("--threads", type=int, help="processor threads; default: one a core")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare pictures (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")


def train(options: Options) -> None:
    import torch

    from ..training import Settings, train

    if options.threads is not None:
        if options.threads < 1:
            raise ValueError(f"threads is {options.threads}; accepted are whole numbers from 1")
        torch.set_num_threads(options.threads)
    settings = Settings(**{field.name: getattr(options, field.name) for field in fields(Settings)})
    train(
        options.data,
        options.out,
        settings,
        held_out=options.held_out,
        resume=options.resume,
        device=options.device,
        every=options.every,
        workers=options.workers,
    )
    print(options.out)


def models_arguments(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="the whole cards")


def models(options: Options) -> None:
    from ..frannet.checkpoints import models, shipped
    from ..tables import Table

    cards = models()
    if options.json:
        print(json.dumps(cards, indent=2))
    elif cards:
        print(Table([facts(name, card) for name, card in cards.items()]))
    else:
        print(f"there is no model in {shipped()}")


def facts(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """The main facts of a model's card, as a row of a table."""
    settings, data = card.get("settings", {}), card.get("data", {})
    losses = {result["setup"]: result["loss"] for result in card.get("quality", {}).get("results", [])}
    return {
        "model": name,
        "restorator": settings.get("restorator"),
        "masking": settings.get("masking"),
        "parameters": card.get("parameters"),
        "pictures": data.get("pictures"),
        "steps": settings.get("steps"),
        "minutes": card.get("minutes"),
        "loss": ", ".join(f"{setup} {loss:.4f}" if setup else f"{loss:.4f}" for setup, loss in losses.items()) or None,
    }


def import_keras_arguments(parser: Parser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS.h5", help="FranNet's Keras weights")
    parser.add_argument("config", nargs="?", metavar="CONFIG.json", help="its config (default: WEIGHTS.json)")
    parser.add_argument("--out", metavar="FILE", help="the .safetensors to write (default: WEIGHTS.safetensors)")


def import_keras(options: Options) -> None:
    from ..frannet.checkpoints import load_model, save_model

    weights = Path(options.weights)
    if weights.suffix != ".h5":
        raise ValueError(f"{weights} does not end in .h5; accepted are FranNet's Keras weights")
    out = check_output(options.out or weights.with_suffix(".safetensors"))
    save_model(load_model(weights, options.config or weights.with_suffix(".json")), out)
    print(out)


COMMANDS: dict[str, tuple[str, Callable[[Parser], None], Callable[[Options], None]]] = {
    "figures": ("make the note's four figures", figures_arguments, figures),
    "restore": ("restore your own photo", restore_arguments, restore),
    "rois": ("find where most goes on and pictures of the same thing differ most", rois_arguments, rois),
    "evaluate": ("measure models on a folder of pictures", evaluate_arguments, evaluate),
    "train": ("train a model on a folder of pictures", train_arguments, train),
    "models": ("list the shipped models", models_arguments, models),
    "import-keras": ("turn FranNet's Keras weights into safetensors", import_keras_arguments, import_keras),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = Parser(
        prog="frantools",
        description="What do the sampler's settings do to an image that a diffusion model restores?",
        epilog="frantools COMMAND --help tells the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"frantools {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (title, arguments_of, run) in COMMANDS.items():
        command = commands.add_parser(
            name, help=title, description=f"{title[0].upper()}{title[1:]}.", arguments=arguments_of
        )
        command.set_defaults(run=run)
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"frantools: {one_line(message)}", file=sys.stderr)
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as of `frantools models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as stop:
        print(one_line(f"frantools: interrupted{'; ' if stop.args else ''}{stop}"), file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError, MemoryError, ImportError) as error:
        print(f"frantools: {one_line(error)}", file=sys.stderr)
        return 2
    return 0
