"""`frantools train`: a model on a folder of pictures."""

from __future__ import annotations

from dataclasses import fields

from .options import Options, Parser, add_device

MASKING = """
Masking hides cells of the input, as in FranNet. 8 divides it into 8 x 8 cells and hides between none and three quarters
of them, a random number in each picture; uniform (5 to 64 cells per side) and dynamic (primes) draw a size for each
batch. 4,8:0.1..0.75 draws 4 or 8 cells per side and hides a tenth to three quarters of them. A limit with a decimal
point is a fraction of the cells; a limit without one is a number of cells, and a negative number counts from all:
8:2..-8 hides 2 to 56 of 64. VALUE is the value of hidden cells, from -1, black, to 1, white (default: 0, mid gray).
"""


def add_arguments(parser: Parser) -> None:
    from ..settings import declarations
    from ..training import Settings

    parser.epilog = MASKING
    parser.add_argument("--data", required=True, metavar="FOLDER",
                        help="pictures to train on, of any sizes, including subfolders")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--held-out", metavar="FOLDER", help="pictures to measure on; default: a twentieth of the data")
    for name, declaration in declarations(Settings).items():
        parser.add_argument(f"--{name}", type=declaration.kind, default=declaration.default,
                            help=declaration.description)  # fmt: skip
    add_device(parser)
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints (default: 500)")
    parser.add_argument("--threads", type=int, help="processor threads; default: one per core")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare pictures (default: 0)")
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoint")


def run(options: Options) -> None:
    from ..training import Settings, train

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
        threads=options.threads,
    )
    print(options.out)
