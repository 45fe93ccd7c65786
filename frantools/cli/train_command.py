"""`frantools train`: a model on a folder of pictures."""

from __future__ import annotations

from dataclasses import fields

from .options import Options, Parser, add_device

MASKING = """
Masking hides cells of the input, as FranNet does. 8 cuts it into 8 x 8 cells and hides none to three quarters of them,
another number in each picture; uniform (5 to 64 cells a side) and dynamic (primes) draw another size for each batch.
4,8:0.1..0.75 draws 4 or 8 cells a side and hides a tenth to three quarters of them. A limit with a decimal point is a
share of the cells. One without is a number of cells, and a negative one counts from all: 8:2..-8 hides 2 to 56 of 64.
VALUE is what hidden cells show, from -1, black, to 1, white; without it 0, mid gray.
"""


def add_arguments(parser: Parser) -> None:
    from ..training import Settings

    parser.epilog = MASKING
    parser.add_argument("--data", required=True, metavar="FOLDER",
                        help="pictures to train on, of any sizes, those of its folders too")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--held-out", metavar="FOLDER", help="pictures to measure on; default: a twentieth of the data")
    helps = {
        "restorator": "diffusion, single-pass (the colour, in one call), direction (the way from a drawn value to "
        "the colour), constant (the colour, whatever was drawn) or interpolant (the objective, at a drawn time)",
        "target": "colour; residual: what it differs by from the cubically interpolated gray input, scaled; or "
        "difference: from the linearly interpolated one, as in FranNet",
        "features": "note, gray (also the gray input itself) or fine (also features at the input's resolution)",
        "objective": "noise or v: what a diffusion model's network answers; an interpolant's also direction, constant",
        "times": "uniform or noisy: which diffusion steps are trained, all alike or the noisy ones more",
        "error": "note (squared for single-pass, else absolute), square, size, huber:DELTA, pseudo-huber:DELTA (of a "
        "point's three channels together), or huber (the pseudo-Huber of each channel, delta 0.5)",
        "augment": "none, crops, or strong: wider crops and another exposure",
        "masking": "none, cells a side, uniform, dynamic, or SIZES[:LEAST..MOST[:VALUE]]; see below",
        "steps": "optimiser steps",
        "batch": "pictures a step",
        "points": "points asked about in each picture",
        "rate": "highest learning rate",
        "seed": "of the weights, the data and the noise",
        "precision": "float32 or bfloat16 products",
        "source": "what is drawn: normal, normal:MEAN,STDDEV, uniform (-1 to 1) or uniform:LOW,HIGH",
        "colours": "the colour format that the network learns: rgb, bgr, hsv, hsl, lab, yuv or yiq",
    }
    for field in fields(Settings):
        default = field.default
        parser.add_argument(f"--{field.name}", type=type(default), default=default,
                            help=f"{helps[field.name]} (default: {default})")  # fmt: skip
    add_device(parser)
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints (default: 500)")
    parser.add_argument("--threads", type=int, help="processor threads; default: one a core")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare pictures (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")


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
