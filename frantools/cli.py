"""The command line: `frantools --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def train_arguments(parser: argparse.ArgumentParser) -> None:
    from .training import Settings

    parser.add_argument("--data", required=True, metavar="FOLDER", help="pictures to train on, of any sizes")
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--held-out", metavar="FOLDER", help="pictures to measure on; default: a twentieth of the data")
    helps = {
        "restorator": "diffusion or single-pass",
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


def train(options: argparse.Namespace) -> None:
    import torch

    from .training import Settings, train

    if options.threads is not None:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = Parser(prog="frantools", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("train", help="train a model on a folder of pictures")
    train_arguments(command)
    command.set_defaults(run=train)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("frantools: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"frantools: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
