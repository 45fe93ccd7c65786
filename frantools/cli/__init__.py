"""The command line: ``frantools --help``.

Each command is a module that imports what it needs when it runs, so that help and errors appear at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from .. import __version__
from ..system.console import prepare_streams
from . import (
    compare_command,
    evaluate_command,
    figures_command,
    import_keras_command,
    models_command,
    restore_command,
    rois_command,
    sweep_command,
    train_command,
    verify_command,
)
from .options import Parser, print_error

COMMANDS = {
    "figures": (figures_command, "Draw the note's four figures, or a figure from its recipe."),
    "restore": (restore_command, "Restore your own photo."),
    "compare": (compare_command, "Compare restorers on your photo."),
    "rois": (rois_command, "Find regions with much detail in which pictures of the same scene differ."),
    "verify": (verify_command, "Check that a file's recipe reproduces its picture."),
    "evaluate": (evaluate_command, "Measure restorers on a folder of pictures."),
    "sweep": (sweep_command, "Measure many settings on a folder of pictures, on all cores or a cluster."),
    "train": (train_command, "Train a model on a folder of pictures."),
    "models": (models_command, "List the shipped models."),
    "import-keras": (import_keras_command, "Convert FranNet's Keras weights to safetensors."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code."""
    prepare_streams()
    parser = Parser(
        prog="frantools",
        description="What do the sampler's settings do to an image that a diffusion model restores?",
        epilog="frantools COMMAND --help lists the options of a command. Exit codes: 0 for success; 1 if a column or a "
        "cell of a sweep failed, after the results of the others are written; 2 if the command cannot run; 130 if it "
        "was interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"frantools {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary, add_arguments=module.add_arguments)
        command.set_defaults(run=module.run)
    options, code = parser.parse_args(arguments), None
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print_error(message)
            code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # for example in `frantools models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as error:
        print_error(f"interrupted{'; ' if error.args else ''}{error}")
        return 130
    except (ValueError, OSError, FloatingPointError, MemoryError, ImportError) as error:
        from ..restorers.base import RestorerError

        print_error(error)
        return 1 if isinstance(error, RestorerError) else 2
    except RuntimeError as error:
        # torch has no common class for exhausted memory of a GPU and of the machine.
        if type(error).__name__ != "OutOfMemoryError" and "can't allocate memory" not in str(error):
            raise
        print_error(error)
        return 2
    return int(code or 0)
