"""The command line: `frantools --help`. A module a command; each imports what it needs when it runs.

So help and complaints come at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence

from .. import __version__
from ..system.console import prepare_streams
from . import compare_command as compare
from . import evaluate_command as evaluate
from . import figures_command as figures
from . import import_keras_command as import_keras
from . import models_command as models
from . import restore_command as restore
from . import rois_command as rois
from . import sweep_command as sweep
from . import train_command as train
from . import verify_command as verify
from .options import Options, Parser, complain

COMMANDS: dict[str, tuple[str, Callable[[Parser], None], Callable[[Options], int | None]]] = {
    "figures": ("make the note's four figures", figures.arguments, figures.run),
    "restore": ("restore your own photo", restore.arguments, restore.run),
    "compare": ("compare whatever restores a picture, on your photo", compare.arguments, compare.run),
    "rois": ("find where most goes on and pictures of the same thing differ most", rois.arguments, rois.run),
    "verify": ("make the picture of a file again, and say whether it is the same", verify.arguments, verify.run),
    "evaluate": ("measure whatever restores on a folder of pictures", evaluate.arguments, evaluate.run),
    "sweep": ("measure many settings on a folder of pictures, on all cores or a cluster", sweep.arguments, sweep.run),
    "train": ("train a model on a folder of pictures", train.arguments, train.run),
    "models": ("list the shipped models", models.arguments, models.run),
    "import-keras": ("turn FranNet's Keras weights into safetensors", import_keras.arguments, import_keras.run),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    prepare_streams()
    parser = Parser(
        prog="frantools",
        description="What do the sampler's settings do to an image that a diffusion model restores?",
        epilog="frantools COMMAND --help tells the options of a command. Exit codes: 0; 1 if a column or a cell of a "
        "sweep failed, after the files are written with the others; 2 if the command cannot be carried out; 130 if it "
        "was interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"frantools {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (title, arguments_of, run) in COMMANDS.items():
        command = commands.add_parser(
            name, help=title, description=f"{title[0].upper()}{title[1:]}.", arguments=arguments_of
        )
        command.set_defaults(run=run)
    options, code = parser.parse_args(arguments), None
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: complain(message)
            code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as of `frantools models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as stop:
        complain(f"interrupted{'; ' if stop.args else ''}{stop}")
        return 130
    except (ValueError, OSError, FloatingPointError, MemoryError, ImportError) as error:
        complain(error)
        return 1 if is_of_column(error) else 2
    except RuntimeError as error:
        if not is_of_memory(error):
            raise
        complain(error)
        return 2
    return int(code or 0)


def is_of_column(error: Exception) -> bool:
    """Whether the one column of a command failed."""
    from ..restorers.base import RestorerError

    return isinstance(error, RestorerError)


def is_of_memory(error: RuntimeError) -> bool:
    """Whether it says that memory ran out, a graphics card's or torch's own: torch has no one class for that."""
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
