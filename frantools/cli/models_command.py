"""`frantools models`: the shipped models."""

from __future__ import annotations

from ..files import to_json
from .options import Options, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print the complete cards")


def run(options: Options) -> None:
    from ..comparisons.tables import Table
    from ..frannet.weights.checkpoints import models, shipped
    from ..reports.cards import facts

    cards = models()
    if options.json:
        print(to_json(cards, indent=2))
    elif cards:
        print(Table([facts(name, card) for name, card in cards.items()]))
    else:
        print(f"there is no model in {shipped()}")
