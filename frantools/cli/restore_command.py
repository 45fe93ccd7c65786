"""`frantools restore`: a photo of one's own."""

from __future__ import annotations

from pathlib import Path

from ..files import check_output, unused_path
from .column_options import KINDS, add_given, given
from .compare_command import device
from .options import Options, Parser, add_device, add_precision, add_setup, add_timeout, chosen_setup, sides
from .progress_bar import bar


def arguments(parser: Parser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="your photo; FranNet restores its centre square")
    parser.add_argument("--out", metavar="FILE", help="the .png to write (default: PICTURE-restored.png, here; with a "
                        "number where there is one)")  # fmt: skip
    parser.add_argument("--model", default="diffusion-best", metavar="WHAT",
                        help=f"what restores (default: diffusion-best): {KINDS.partition('; TITLE')[0]}")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="the .json that belongs to a Keras .h5 file")
    parser.add_argument("--size", type=sides, default=1024, metavar="SIZE",
                        help="N or WxH pixels, to which what is restored is stretched (default: 1024)")  # fmt: skip
    parser.add_argument("--region", type=float, nargs=4, metavar=("X", "Y", "WIDTH", "HEIGHT"),
                        help="what to restore, in fractions of the picture (default: 0 0 1 1)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    add_given(parser)
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)
    add_setup(parser)


def run(options: Options) -> None:
    from ..comparisons.comparison import restore
    from ..comparisons.recipes import save_picture
    from ..frannet.weights.checkpoints import load_model
    from ..photos.regions import Region

    out = check_output(options.out or unused_path(f"{Path(options.picture).stem}-restored.png"))
    if out.suffix.lower() != ".png":
        raise ValueError(f"{out} does not end in .png, the only format that pictures are written in")
    setup, where = chosen_setup(options), device(options)
    region = Region(*options.region) if options.region else None
    keras = options.config is not None or Path(options.model).suffix.lower() in (".h5", ".hdf5")
    what = load_model(options.model, options.config) if keras else options.model
    with bar("restoring") as progress:
        made = restore(what, options.picture, setup, options.size, region, options.seed, options.precision, progress,
                       given=given(options), device=where, timeout=options.timeout)  # fmt: skip
    save_picture(made.image, out, made.recipe)
    said = f"{made.calls} network call(s) a point, " if made.calls else ""
    print(f"{out}  {said}{made.seconds:.1f} s")
