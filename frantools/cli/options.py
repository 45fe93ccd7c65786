"""What the commands' arguments share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

from ..settings import declarations

if TYPE_CHECKING:
    from ..frannet.sampling.samplers import Sampler

Options = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and that is told its arguments when it is used."""

    def __init__(self, *args: Any, arguments: Callable[[Parser], None] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arguments = arguments
        self.words: list[str] = []
        """The command line, once it is parsed."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.words = list(args or ())
        if self._arguments is not None:
            self._arguments(self)
            self._arguments = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; see {self.prog} --help\n")


def complain(what: object) -> None:
    """Say on one line what is wrong."""
    print(f"frantools: {one_line(what)}", file=sys.stderr)


def one_line(text: object) -> str:
    """Text without its line breaks."""
    return " ".join(str(text).split())


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
                             "its steps, such as UniPCMultistep:6; for autoregressive ones AR (default)")  # fmt: skip
    if any(word.startswith("-") for word in parser.words):  # otherwise mistakes are reported without importing PyTorch
        from ..frannet.sampling.setup import Setup

        add_settings(parser.add_argument_group("settings of the sampler, in place of the setup's own"), Setup)


def add_settings(group: argparse._ArgumentGroup, settings_type: type) -> None:
    """Add an option for each declared setting of a dataclass; those that are not typed are None."""
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


def add_precision(parser: Parser) -> None:
    parser.add_argument("--precision", default="float32", metavar="NAME",
                        help="of the products: float32, bfloat16 or auto (default: float32)")  # fmt: skip


def add_timeout(parser: Parser) -> None:
    parser.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="how long a function or a module may take for a picture (default: as long as it "
                        "takes)")  # fmt: skip


def add_device(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda ... (default: auto)")


def named_setup(name: str) -> Sampler:
    from ..frannet.sampling.named_setups import named_setup

    return named_setup(name)


def chosen_setup(options: Options) -> Sampler | None:
    """The setup that the options of `add_setup` ask for; None where they ask for none."""
    from ..frannet.sampling.autoregressive import AutoregressiveSetup
    from ..frannet.sampling.setup import Setup

    asked = {name: getattr(options, name, None) for name in declarations(Setup)}
    changes = {name: value for name, value in asked.items() if value is not None}
    if options.setup is None and not changes:
        return None
    setup = named_setup(options.setup or "B")
    own = {field.name for field in fields(setup)} if isinstance(setup, (Setup, AutoregressiveSetup)) else set()
    if not changes.keys() <= own:
        given = ", ".join(f"--{name}" for name in changes if name not in own).replace("_", "-")
        raise ValueError(f"{given} cannot go with {options.setup}; accepted are its own: NAME:key=value")
    return replace(setup, **changes) if changes else setup  # type: ignore[type-var]
