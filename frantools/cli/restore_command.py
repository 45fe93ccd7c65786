"""`frantools restore`: the restoration of a photo."""

from __future__ import annotations

from pathlib import Path

from ..files import check_extension, unused_path
from .column_options import KINDS, add_degradation, selected_degradation
from .options import (
    Options,
    Parser,
    add_device,
    add_precision,
    add_region,
    add_seed,
    add_setup,
    add_size,
    add_timeout,
    selected_device,
    selected_region,
    selected_setup,
)
from .progress_bar import show_progress


def add_arguments(parser: Parser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="your photo; FranNet restores its centre square")
    parser.add_argument("--out", metavar="FILE",
                        help="the .png file to write (default: PICTURE-restored.png in the current folder, with a "
                        "number if it exists)")  # fmt: skip
    parser.add_argument("--model", default="diffusion-best", metavar="WHAT",
                        help=f"the restorer (default: diffusion-best): {KINDS}")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="the .json config of a Keras .h5 file")
    add_size(parser, 1024, "pixels of the result, N or WxH (default: 1024)")
    add_region(parser)
    add_seed(parser)
    add_degradation(parser)
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)
    add_setup(parser)


def run(options: Options) -> None:
    from ..comparisons.recipes import save_picture
    from ..comparisons.single_restoration import restore
    from ..frannet.weights.checkpoints import load_model

    path = check_extension(options.out or unused_path(f"{Path(options.picture).stem}-restored.png"), ".png")
    is_keras = options.config is not None or Path(options.model).suffix.lower() in (".h5", ".hdf5")
    setup, region, device = selected_setup(options), selected_region(options), selected_device(options)
    model = load_model(options.model, options.config) if is_keras else options.model
    with show_progress("restoring") as progress:
        restoration = restore(model, options.picture, setup, options.size, region, options.seed, options.precision,
                              progress, given=selected_degradation(options), device=device,
                              timeout=options.timeout)  # fmt: skip
    save_picture(restoration.image, path, restoration.recipe)
    calls = f"{restoration.calls} network call(s) a point, " if restoration.calls else ""
    print(f"{path}  {calls}{restoration.seconds:.1f} s")
