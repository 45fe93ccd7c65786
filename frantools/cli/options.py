"""The argument parser, and options that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

from ..settings import declarations

if TYPE_CHECKING:
    from ..frannet.sampling.samplers import Sampler
    from ..photos.regions import Region

Options = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """A parser that adds its arguments when it is used, and reports errors in one line."""

    def __init__(self, *args: Any, add_arguments: Callable[[Parser], None] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_arguments = add_arguments
        self.words: list[str] = []
        """The command line, once it is parsed."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.words = list(args or ())
        if self._add_arguments is not None:
            self._add_arguments(self)
            self._add_arguments = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_one_line(message)}; see {self.prog} --help\n")


def print_error(message: object) -> None:
    """Print a message on one line of standard error."""
    print(f"frantools: {_one_line(message)}", file=sys.stderr)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def parse_size(text: str) -> int | tuple[int, int]:
    """Parse N or WxH."""
    width, by, height = text.lower().partition("x")
    try:
        return (int(width), int(height)) if by else int(width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a size must be N or WxH, such as 1024 or 640x480, got {text!r}") from None


def add_size(parser: Parser, default: int | None, help: str) -> None:
    parser.add_argument("--size", type=parse_size, default=default, metavar="SIZE", help=help)


def add_region(parser: Parser) -> None:
    parser.add_argument("--region", type=float, nargs=4, metavar=("X", "Y", "WIDTH", "HEIGHT"),
                        help="part to restore, in fractions of the picture (default: 0 0 1 1)")  # fmt: skip


def add_seed(parser: Parser, help: str = "seed of the random numbers (default: 0)") -> None:
    parser.add_argument("--seed", type=int, default=0, help=help)


def add_precision(parser: Parser) -> None:
    parser.add_argument("--precision", default="float32", metavar="NAME",
                        help="of matrix products: float32, bfloat16 or auto (default: float32)")  # fmt: skip


def add_timeout(parser: Parser) -> None:
    parser.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="time limit of a function or a module per picture (default: none)")  # fmt: skip


def add_device(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda ... (default: auto)")


def add_setup(parser: Parser) -> None:
    parser.add_argument("--setup", metavar="NAME",
                        help="for diffusion models: DDPM, DDIM, A or B (default: B), or a scheduler of diffusers with "
                             "its steps, such as UniPCMultistep:6; for autoregressive models AR")  # fmt: skip
    if any(word.startswith("-") for word in parser.words):  # otherwise mistakes are reported without importing PyTorch
        from ..frannet.sampling.setup import Setup

        add_settings(parser.add_argument_group("settings of the sampler, which override the setup's"), Setup)


def add_settings(group: argparse._ArgumentGroup, settings_type: type) -> None:
    """Add an option for each declared setting of a dataclass; the default is None."""
    for name, declaration in declarations(settings_type).items():
        options: dict[str, Any] = {"default": None, "help": declaration.description.replace("%", "%%")}
        if declaration.kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif declaration.kind is tuple:
            options |= {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}
        else:
            metavar = {int: "N", float: "NUMBER"}.get(declaration.kind, "NAME")
            options |= {"type": declaration.kind, "metavar": metavar}
        group.add_argument(f"--{name.replace('_', '-')}", **options)


def selected_device(options: Options) -> str:
    from ..system.devices import find_device

    return str(find_device(options.device))


def selected_region(options: Options) -> Region | None:
    from ..photos.regions import Region

    return Region(*options.region) if options.region else None


def selected_setup(options: Options) -> Sampler | None:
    """Return the setup of the options of `add_setup`, or None without any."""
    from ..frannet.sampling.autoregressive import AutoregressiveSetup
    from ..frannet.sampling.named_setups import named_setup
    from ..frannet.sampling.setup import Setup

    values = {name: getattr(options, name, None) for name in declarations(Setup)}
    changes = {name: value for name, value in values.items() if value is not None}
    if options.setup is None and not changes:
        return None
    setup = named_setup(options.setup or "B")
    names = {field.name for field in fields(setup)} if isinstance(setup, (Setup, AutoregressiveSetup)) else set()
    if not changes.keys() <= names:
        unknown = ", ".join(f"--{name}" for name in changes if name not in names).replace("_", "-")
        raise ValueError(f"{unknown} cannot be combined with {options.setup}, whose settings are NAME:key=value")
    return replace(setup, **changes) if changes else setup  # type: ignore[type-var]
