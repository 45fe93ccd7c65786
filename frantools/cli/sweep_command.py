"""`frantools sweep`: many settings on many pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..files import check_output
from .column_options import add_given, given
from .options import Options, Parser, complain

if TYPE_CHECKING:
    from ..sweeps.run import SweepProgress

SHOWN = 30
"""Settings that are printed; `--out` has all."""


def arguments(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE.toml",
                        help="what to sweep: see the shipped one, note, which is the sweep of FranNet's note; options "
                        "take the place of what it says")  # fmt: skip
    parser.add_argument("--data", required=True, metavar="FOLDER", help="pictures to measure on")
    parser.add_argument("--axis", action="append", default=[], metavar="NAME=VALUES",
                        help="a parameter and its values, K=1,2,4 or stochasticity=0:1:0.1 (from:to:step): model, "
                        "setup, scheduler, seed, a setting of the sampler, or an argument of a function; may be given "
                        "again, all combinations are taken")  # fmt: skip
    parser.add_argument("--model", metavar="WHAT",
                        help="what restores, where no axis says it: a model, a weight file, FILE.py:FUNCTION ... "
                        "(default: diffusion-basic)")  # fmt: skip
    parser.add_argument("--setup", metavar="NAME", help="what the axes change: DDPM, DDIM, A, B ... (default: B)")
    add_given(parser)
    parser.add_argument("--measures", nargs="+", metavar="NAME", help="such as mse mse_gray ssim (default: mse)")
    parser.add_argument("--points", type=int, metavar="COUNT",
                        help="measure on so many random points of each picture (default: on every pixel)")  # fmt: skip
    parser.add_argument("--size", type=int, metavar="PIXELS", help="at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="only the first so many pictures")
    parser.add_argument("--seed", type=int, help="of the noise of the first picture (default: 0)")
    parser.add_argument("--precision", metavar="NAME",
                        help="of the products: float32, bfloat16 or auto (default: float32)")  # fmt: skip
    parser.add_argument("--store", default="sweep-store", metavar="FOLDER",
                        help="keeps each result, so that none is computed again (default: sweep-store)")  # fmt: skip
    parser.add_argument("--retry", action="store_true", help="try cells that failed before again")
    parser.add_argument("--workers", type=int, metavar="COUNT",
                        help="processes on this machine; 0 computes in this one, as without Dask (default: one a "
                        "core)")  # fmt: skip
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--out", metavar="FILE.csv", help="a file for the numbers, a row a setting and picture")


def run(options: Options) -> int:
    from ..comparisons.tables import Table
    from ..frannet.sampling.named_setups import named_setup
    from ..restorers.columns import Column, as_column
    from ..scores.measures import measures
    from ..sweeps.run import sweep
    from ..sweeps.spec import parse_axis, read_spec

    out = check_output(options.out) if options.out else None
    if out is not None and out.suffix.lower() != ".csv":
        raise ValueError(f"{out} does not end in .csv, the only format that numbers are written in")
    if options.workers is not None and options.scheduler is not None:
        raise ValueError("--workers goes with a cluster on this machine, and --scheduler with another; accepted is one")
    asked = read_spec(options.file) if options.file is not None else {"axes": [{}]}
    names = ("model", "setup", "measures", "points", "size", "seed", "limit", "precision")
    asked |= {name: value for name in names if (value := getattr(options, name)) is not None}
    axes = [{**part, **dict(map(parse_axis, options.axis))} for part in asked.pop("axes") or [{}]]
    setup, degradation = asked.pop("setup", None), given(options)
    base = as_column(asked.pop("model", "diffusion-basic"))
    if setup is not None or degradation is not None:
        base = Column(base.title, base.what, setup and named_setup(setup), given=degradation)
    workers = options.workers if options.workers is not None else "local" if find_spec("distributed") else None
    client: Any = options.scheduler if options.scheduler is not None else workers or None
    with bar() as progress:
        made = sweep(axes, options.data, base, **asked, store=options.store, client=client, progress=progress,
                     retry=options.retry)  # fmt: skip
    if out is not None:
        made.cells.to_csv(out)
    means = made.table()
    first = measures[made.measures[0]]
    good = [row for row in means.rows if row[first.name] is not None]
    best = sorted(good, key=lambda row: row[first.name], reverse=first.better == "higher")[:SHOWN]
    print(repr(made) + (f"; the best {SHOWN} by {first.name}" if len(means.rows) > SHOWN else ""))
    print(Table(best, means.caption))
    if failures := made.failures.rows:
        cell = ", ".join(f"{name} {value}" for name, value in failures[0].items() if name != "sentence")
        complain(
            f"{len(failures)} of {len(made)} cells failed, and --retry tries again; the first, {cell}: "
            f"{failures[0]['sentence']}"
        )
    return int(bool(failures))


@contextmanager
def bar() -> Iterator[Callable[[SweepProgress], None]]:
    """A progress bar in cells, with the address of Dask's dashboard above it."""
    from ..system.console import progress_bar, write_line

    with progress_bar(total=1, unit=" cells", delay=0.5) as shown:
        told: set[str] = set()

        def report(share: SweepProgress) -> None:
            if shown.total != share.total:
                shown.total, shown.initial, shown.n = share.total, share.initial, share.initial
            if share.dashboard and share.dashboard not in told:
                told.add(share.dashboard)
                write_line(f"Dask's dashboard: {share.dashboard}")
            if share.failures:
                shown.set_postfix_str(f"{share.failures} failed", refresh=False)
            if share.done != shown.n:
                shown.update(share.done - shown.n)

        yield report
