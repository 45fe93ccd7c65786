"""`frantools sweep`: measures of many settings on many pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..files import check_extension
from .column_options import add_degradation, selected_degradation
from .options import Options, Parser, print_error

if TYPE_CHECKING:
    from ..sweeps.run import SweepProgress

MAX_ROWS = 30  # that are printed; `--out` writes all


def add_arguments(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE.toml",
                        help="the sweep's definition, or note, the shipped sweep of FranNet's note; options override "
                        "it")  # fmt: skip
    parser.add_argument("--data", required=True, metavar="FOLDER", help="pictures to measure on")
    parser.add_argument("--axis", action="append", default=[], metavar="NAME=VALUES",
                        help="a parameter and its values, such as K=1,2,4 or stochasticity=0:1:0.1 (from:to:step): "
                        "model, setup, scheduler, seed, a setting of the sampler, or an argument of a function; "
                        "repeatable, for all combinations")  # fmt: skip
    parser.add_argument("--model", metavar="WHAT",
                        help="the restorer, unless an axis sets it: a model, a weight file, FILE.py:FUNCTION ... "
                        "(default: diffusion-basic)")  # fmt: skip
    parser.add_argument("--setup", metavar="NAME", help="the setup that the axes change: DDPM, A ... (default: B)")
    add_degradation(parser)
    parser.add_argument("--measures", nargs="+", metavar="NAME", help="such as mse mse_gray ssim (default: mse)")
    parser.add_argument("--points", type=int, metavar="COUNT",
                        help="number of random points to measure in each picture (default: every pixel)")  # fmt: skip
    parser.add_argument("--size", type=int, metavar="PIXELS", help="at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="number of pictures, from the first (default: all)")
    parser.add_argument("--seed", type=int, help="seed of the first picture's noise (default: 0)")
    parser.add_argument("--precision", metavar="NAME",
                        help="of matrix products: float32, bfloat16 or auto (default: float32)")  # fmt: skip
    parser.add_argument("--store", default="sweep-store", metavar="FOLDER",
                        help="stores each result, so that none is computed twice (default: sweep-store)")  # fmt: skip
    parser.add_argument("--retry", action="store_true", help="retry cells that failed before")
    parser.add_argument("--workers", type=int, metavar="COUNT",
                        help="number of processes on this machine; 0 computes in this process, without Dask (default: "
                        "one per core)")  # fmt: skip
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--out", metavar="FILE.csv",
                        help="file for the numbers, with one row per setting and picture")  # fmt: skip


def run(options: Options) -> int:
    from ..comparisons.tables import Table
    from ..frannet.sampling.named_setups import named_setup
    from ..restorers.columns import Column, as_column
    from ..scores.measures import measures
    from ..sweeps.run import sweep
    from ..sweeps.spec import parse_axis, read_spec

    path = check_extension(options.out, ".csv") if options.out else None
    if options.workers is not None and options.scheduler is not None:
        raise ValueError("pass either --workers, for a cluster on this machine, or --scheduler, for another cluster")
    spec = read_spec(options.file) if options.file is not None else {"axes": [{}]}
    names = ("model", "setup", "measures", "points", "size", "seed", "limit", "precision")
    spec |= {name: value for name in names if (value := getattr(options, name)) is not None}
    axes = [{**part, **dict(map(parse_axis, options.axis))} for part in spec.pop("axes") or [{}]]
    setup, degradation = spec.pop("setup", None), selected_degradation(options)
    base = as_column(spec.pop("model", "diffusion-basic"))
    if setup is not None or degradation is not None:
        base = Column(base.title, base.what, setup and named_setup(setup), given=degradation)
    workers = options.workers if options.workers is not None else "local" if find_spec("distributed") else None
    client: Any = options.scheduler if options.scheduler is not None else workers or None
    with _show_cells() as progress:
        result = sweep(axes, options.data, base, **spec, store=options.store, client=client, progress=progress,
                       retry=options.retry)  # fmt: skip
    if path is not None:
        result.cells.to_csv(path)
    means, measure = result.table(), measures[result.measures[0]]
    rows = [row for row in means.rows if row[measure.name] is not None]
    rows = sorted(rows, key=lambda row: row[measure.name], reverse=measure.better == "higher")[:MAX_ROWS]
    print(repr(result) + (f"; the best {MAX_ROWS} by {measure.name}" if len(means.rows) > MAX_ROWS else ""))
    print(Table(rows, means.caption))
    if failures := result.failures.rows:
        first = dict(failures[0])
        error = first.pop("sentence")
        cell = ", ".join(f"{name} {value}" for name, value in first.items())
        print_error(
            f"{len(failures)} of {len(result)} cells failed, and --retry retries them; the first, {cell}: {error}"
        )
    return int(bool(failures))


@contextmanager
def _show_cells() -> Iterator[Callable[[SweepProgress], None]]:
    """Show a progress bar in cells, and the address of Dask's dashboard above it."""
    from ..system.console import progress_bar, write_line

    with progress_bar(total=1, unit=" cells", delay=0.5) as bar:
        dashboards: set[str] = set()

        def on_progress(progress: SweepProgress) -> None:
            if bar.total != progress.total:
                bar.total, bar.initial, bar.n = progress.total, progress.initial, progress.initial
            if progress.dashboard and progress.dashboard not in dashboards:
                dashboards.add(progress.dashboard)
                write_line(f"Dask's dashboard: {progress.dashboard}")
            if progress.failures:
                bar.set_postfix_str(f"{progress.failures} failed", refresh=False)
            if progress.done != bar.n:
                bar.update(progress.done - bar.n)

        yield on_progress
