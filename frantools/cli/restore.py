"""`frantools restore`: a photo of one's own."""

from __future__ import annotations

from pathlib import Path

from ..files import check_output, unused
from .parsing import Options, Parser, add_device, add_precision, add_setup, chosen_setup, sides
from .progress import bar


def arguments(parser: Parser) -> None:
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
    add_device(parser)
    add_setup(parser)


def run(options: Options) -> None:
    from ..devices import find_device
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
    model = load_model(options.model, options.config).to(find_device(options.device))
    with bar("restoring") as progress:
        result = restore(model, image, setup, options.size, region, options.seed, options.precision, progress)
    save_picture(result.image, out, {**result.recipe, "picture": options.picture})
    print(f"{out}  {result.calls} network call(s) a point, {result.seconds:.1f} s")
