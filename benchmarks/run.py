"""The benchmark: the engine beside a plain port, sizes, the search for regions, the first preview, several at once.

    python benchmarks/run.py                              # everything: a quarter of an hour on two cores
    python benchmarks/run.py --quick                      # small sizes: about a minute
    python benchmarks/run.py --out benchmarks/README.md   # put the results into the file

Every form runs in a process of its own, the forms of a row in turns, and the best of the turns counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import plain
from draws import draws
from measure import Measured, alone, best, machine, peak, roofs
from profile_steps import shares

import frantools as ft
from frantools.comparisons.comparison import compare
from frantools.frannet.engine.pictures import tile_points
from frantools.restorers.columns import COLUMNS

# Multiply-adds of a point. In a step: of each of three blocks, 6 x 64 (the value and the sum so far), 64 x 64 twice,
# 64 x 3. Before the steps: reading three maps of 256 channels at four cells each, the second layer of the local
# latent (256 x 64), and what each block reads of that (64 x 64).
STEP = 3 * (6 * 64 + 2 * 64 * 64 + 64 * 3)
BEFORE = 3 * 4 * 256 + 256 * 64 + 3 * 64 * 64

MODELS = {"A": "diffusion-basic", "B": "diffusion-basic", "masking-32": "single-masking-32"}
PRECISIONS = ("float32", "bfloat16")
FORMS = ("plain", *PRECISIONS, *(f"{precision}, not compiled" for precision in PRECISIONS))
MARK = "<!-- from here on written by run.py -->"

Options = argparse.Namespace
Facts = dict[str, float]
Section = Callable[[Options, Facts], Iterator[str]]

TARGETS = (  # a fact, whether at least or at most, and how much
    ("A at 256: engine, float32, times as fast as the plain port", ">=", 6.0),
    ("A at 256: engine, float32, share of the roof", ">=", 0.6),
    ("A at 1024: engine, bfloat16, times as fast as the plain port", ">=", 12.0),
    ("preview of A at 128, seconds, the faster precision", "<=", 0.5),
    ("preview of B at 128, seconds, the faster precision", "<=", 0.1),
    ("peak memory at 4096 less the picture, by that at 1024", "<=", 1.2),
    ("regions of 384 pixels over four 1024 x 1024 pictures: times as fast as brute force", ">=", 60.0),
    ("4 setups, `compare`: times as fast together", ">=", 0.95),  # no slower, and 5 % for noise
    ("2 pictures, B, a thread each: times as fast together", ">=", 0.95),
    ("bfloat16: largest change of the loss", "<=", 0.01),
    ("noise of 3 pixels at 256: share of a step of B", "<=", 0.1),
    ("noise of 3 pixels at 1024: share of a step of B", "<=", 0.1),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["--:" if re.fullmatch(r"[+-]?[\d.,]+( ?(%|M|MB))?", cell) else "---" for cell in rows[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows)) + "\n"


def megabytes(count: float) -> str:
    return f"{count / 1e6:.0f} MB"


def picture() -> np.ndarray:
    return ft.portraits()["hopper"]


def render(name: str, form: str, size: int, enough: float = 1.0) -> Measured:
    """Restore the portrait in one of the forms, in this process."""
    imported = peak()
    precision, _, without = form.partition(", ")
    if without:
        os.environ["FRANTOOLS_KERNEL"] = "off"  # before anything asks for what is compiled
    model, image, setup = ft.load_model(MODELS[name]), picture(), ft.SETUPS.get(name)
    if form == "plain":
        work = lambda side: plain.restore(model, image, setup, side)  # noqa: E731
    else:
        work = lambda side: ft.restore(model, image, setup, side, precision=precision).image  # noqa: E731
    work(16)  # libraries set themselves up
    first = peak()
    seconds = best(lambda: work(size), enough)
    return Measured(seconds, peak() - imported, peak() - first)


def engine(options: Options, facts: Facts) -> Iterator[str]:
    """The engine beside the plain port."""
    rates = alone(roofs, 0.1 if options.quick else 1.0)
    roof = {precision: max(rate for name, *_, rate in rates if name == precision) for precision in PRECISIONS}
    roof["bfloat16"] = max(roof.values())  # emulated, it is multiplied as float32
    yield "What products of matrices reach on this machine; the highest of each precision is its roof:\n"
    yield table(
        ("precision", "library", "product", "GFLOP/s"),
        [(precision, library, shape, f"{rate / 1e9:.0f}") for precision, library, shape, rate in rates],
    )
    yield (
        f"Useful are the multiply-adds that the definition needs: {STEP:,} for a point and a step"
        f" (and {BEFORE:,} more for a point of a single pass), two operations each.\n"
    )
    rows = []
    for name in options.setups:
        for size in (64,) if options.quick else (256, 1024):
            results = in_turns(name, size, options)
            setup = ft.SETUPS.get(name)
            calls = setup.calls if setup else 1
            useful = 2 * size**2 * (calls * STEP if setup else STEP + BEFORE)
            for form, (seconds, memory, _) in results.items():
                best_rate = roof["float32" if form == "plain" else form.partition(",")[0]]
                share, times = useful / seconds / best_rate, results["plain"].seconds / seconds
                facts[f"{name} at {size}: engine, {form}, share of the roof"] = share
                facts[f"{name} at {size}: engine, {form}, times as fast as the plain port"] = times
                rows.append(
                    (
                        name,
                        str(size),
                        "plain port" if form == "plain" else f"engine, {form}",
                        f"{seconds:.3f}",
                        f"{size**2 * calls / seconds / 1e6:.2f} M",
                        f"{useful / seconds / 1e9:.0f}",
                        f"{share:.0%}",
                        megabytes(memory),
                        f"{times:.1f}",
                    )
                )
    head = ("setup", "size", "form", "seconds", "point-steps a second", "useful GFLOP/s", "of the roof")
    yield table((*head, "peak memory", "times as fast as plain"), rows)


def in_turns(name: str, size: int, options: Options) -> dict[str, Measured]:
    """The forms one after the other, three times, or until it takes long."""
    results: dict[str, Measured] = {}
    start_time = time.perf_counter()
    for turn in range(3):
        if turn and (options.quick or time.perf_counter() - start_time > 120):
            break
        for form in FORMS:
            results[form] = alone(render, name, form, size, 0.2 if options.quick else 1.0).better(results.get(form))
            log(f"{name} at {size}, {form}: {results[form].seconds:.3f} s")
    return results


def sizes(options: Options, facts: Facts) -> Iterator[str]:
    """Time and memory by size: B, float32."""
    rows, peaks = [], {}
    for size in (64, 128, 256) if options.quick else (256, 512, 1024, 2048, 4096):
        result: Measured | None = None
        for _ in range(1 if options.quick or size > 1024 else 3):
            result = alone(render, "B", "float32", size).better(result)
        assert result is not None
        log(f"B at {size}: {result.seconds:.3f} s")
        output = 12 * size**2
        peaks[size] = result.peak
        if size == 4096:
            facts["peak memory at 4096 less the picture, by that at 1024"] = (result.peak - output) / peaks[1024]
        rows.append(
            (
                str(size),
                f"{result.seconds:.3f}",
                f"{result.seconds / size**2 * 1e6:.3f}",
                megabytes(result.peak),
                megabytes(output),
                megabytes(result.peak - output),
                megabytes(max(0, result.grown - output)),
            )
        )
    head = (
        "size",
        "seconds",
        "microseconds a point",
        "peak memory",
        "the picture",
        "less the picture",
        "and less a 16 x 16 one",
    )
    yield table(head, rows)


def search(side: int, size: int) -> tuple[float, float, bool]:
    """Seconds by brute force and of `find_rois` over four restorations, and whether the answers are the same."""
    diffusion, single = (ft.load_model(name) for name in ("diffusion-basic", "single-masking-32"))
    restored = [ft.restore(diffusion, picture(), size=side, seed=seed).image for seed in range(3)]
    restored.append(ft.restore(single, picture(), size=side).image)
    images = [(image * 255).round().astype(np.uint8) for image in restored]
    regions = [(roi.top, roi.left) for roi in ft.find_rois(images, size=size, count=4)]
    same = regions == plain.rois(images, size, 4)
    slow, fast = [], []
    for _ in range(3):
        slow.append(best(lambda: plain.rois(images, size, 4), 0))
        fast.append(best(lambda: ft.find_rois(images, size=size, count=4), 0.5))
    return min(slow), min(fast), same


def rois(options: Options, facts: Facts) -> Iterator[str]:
    """The search for regions over four pictures, beside brute force."""
    rows = []
    for side, size in ((128, 48),) if options.quick else ((1024, 384), (1024, 128)):
        slow, fast, same = alone(search, side, size)
        log(f"regions of {size} pixels: {slow:.2f} s and {fast:.4f} s")
        if same:
            fact = f"regions of {size} pixels over four {side} x {side} pictures: times as fast as brute force"
            facts[fact] = slow / fast
        rows.append(
            (
                f"{side} x {side}",
                f"{size} x {size}",
                f"{slow:.3f}",
                f"{fast:.4f}",
                f"{slow / fast:.0f}",
                "yes" if same else "NO",
            )
        )
    yield table(("pictures", "regions", "brute force, s", "find_rois, s", "times as fast", "same answer"), rows)


FIRST = """
import json, time
begun = time.perf_counter()
import frantools as ft
times = {"import frantools": time.perf_counter()}
ft.load_model, ft.restore
times["torch and the modules that restore"] = time.perf_counter()
model, portrait = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
times["the model and the portrait"] = time.perf_counter()
image = ft.restore(model, portrait, ft.SETUPS["B"], size=128).image
times["B at 128 x 128"] = time.perf_counter()
from io import BytesIO
from PIL import Image
Image.fromarray((image * 255).round().astype("uint8")).save(BytesIO(), "PNG")
times["PNG"] = time.perf_counter()
print(json.dumps({name: end - begun for name, end in times.items()}))
"""


def previews(precision: str) -> dict[str, float]:
    """Seconds of previews of 128 x 128 in a process that has rendered before, by setup."""
    model, image = ft.load_model("diffusion-basic"), picture()
    ft.restore(model, image, size=16, precision=precision)
    one = lambda name: ft.restore(model, image, ft.SETUPS[name], 128, precision=precision)  # noqa: E731
    return {name: best(partial(one, name), 2.0) for name in ("A", "B")}


def preview(options: Options, facts: Facts) -> Iterator[str]:
    """From `import frantools` to the first preview, and the next ones."""
    runs = []
    for _ in range(1 if options.quick else 5):
        done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, encoding="utf-8", check=True)
        runs.append(json.loads(done.stdout))
    first = min(runs, key=lambda run: run["PNG"])
    log(f"the first preview after {first['PNG']:.2f} s")
    ends = [0.0, *first.values()]
    rows = [(name, f"{end - start:.3f}", f"{end:.3f}") for name, start, end in zip(first, ends, ends[1:], strict=False)]
    yield f"A fresh process, float32, the best of {len(runs)}:\n"
    yield table(("", "seconds", "since the start"), rows)
    warm = {precision: alone(previews, precision) for precision in PRECISIONS}
    log(f"the next ones: {warm}")
    for name in ("A", "B"):
        fastest = min(times[name] for times in warm.values())
        facts[f"preview of {name} at 128, seconds, the faster precision"] = fastest
    yield "The next ones of 128 x 128:\n"
    yield table(
        ("setup", *(f"{precision}, s" for precision in warm)),
        [(name, *(f"{times[name]:.3f}" for times in warm.values())) for name in ("A", "B")],
    )


def several(size: int, turns: int) -> dict[str, tuple[float, float]]:
    """Seconds one after the other and together, by what is restored."""
    columns = [COLUMNS[name] for name in ("A", "B", "DDIM", "masking-32")]
    models = {column.what: ft.load_model(column.what) for column in columns}
    portraits = list(ft.portraits().values())
    one = lambda portrait: ft.restore(models["diffusion-basic"], portrait, size=size)  # noqa: E731
    pool = ThreadPoolExecutor(len(portraits))
    forms = {
        f"{len(columns)} setups, `compare`": (
            lambda: [ft.restore(models[c.what], portraits[0], c.setup, size) for c in columns],
            lambda: compare(portraits[0], columns, size),
        ),
        f"{len(portraits)} pictures, B, a thread each": (
            lambda: [one(portrait) for portrait in portraits],
            lambda: list(pool.map(one, portraits)),
        ),
    }
    compare(portraits[0], columns, 16)  # loads the models
    durations: dict[str, tuple[float, float]] = {}
    for name, pair in forms.items():
        times = [tuple(best(work, 0) for work in pair) for _ in range(turns)]
        durations[name] = (min(apart for apart, _ in times), min(together for _, together in times))
    pool.shutdown()
    return durations


def together(options: Options, facts: Facts) -> Iterator[str]:
    """Several restorations together, float32, beside one after the other."""
    size = 64 if options.quick else 256
    durations = alone(several, size, 3 if options.quick else 5)
    log(f"together: {durations}")
    rows = [
        (f"{name}, {size} x {size}", f"{apart:.3f}", f"{both:.3f}", f"{apart / both:.2f}")
        for name, (apart, both) in durations.items()
    ]
    for name, (apart, both) in durations.items():
        facts[f"{name}: times as fast together"] = apart / both
    yield table(("", "one after the other, s", "together, s", "times as fast"), rows)


def profile(options: Options, facts: Facts) -> Iterator[str]:
    """Where the time goes: B at 1024, one thread."""
    profiles = {precision: alone(shares, precision, "B", 1024, 4 if options.quick else 32) for precision in PRECISIONS}
    rows = [(part, *(f"{parts.get(part, 0):.0%}" for parts in profiles.values())) for part in profiles["float32"]]
    yield table(("part", *profiles), rows)


def noises(options: Options, facts: Facts) -> Iterator[str]:
    """What a draw of a field takes, beside white noise and a step of B."""
    rows = []
    for size, points in ((256, None), (1024, 2048)):
        tile = tile_points(size**2) if points is None else points
        for length, item, times, share in alone(draws, size, points, 0.05 if options.quick else 0.5):
            rows.append((f"{size}", f"{tile}", length, f"{item:.0f}", f"{times:.1f}", f"{share:.1%}"))
            if length.endswith("pixels"):
                facts[f"noise of {length} at {size}: share of a step of B"] = share
    yield table(("size", "points", "length", "nanoseconds a point", "times white noise", "of a step of B"), rows)


def losses(options: Options, facts: Facts) -> Iterator[str]:
    """The loss on pictures, in both precisions."""
    if options.pictures is None:
        return
    model, rows = ft.load_model("diffusion-basic"), []
    changes: list[float] = []
    for name, setup in ft.SETUPS.items():
        loss = {
            precision: ft.evaluate(
                model, options.pictures, setup, 64 if options.quick else 178, options.limit, precision=precision
            ).mse
            for precision in PRECISIONS
        }
        log(f"{name}: {loss}")
        change = loss["bfloat16"] / loss["float32"] - 1
        changes.append(abs(change))
        rows.append((name, f"{loss['float32']:.6f}", f"{loss['bfloat16']:.6f}", f"{change:+.2%}"))
    facts["bfloat16: largest change of the loss"] = max(changes)
    yield table(("setup", "loss in float32", "in bfloat16", "change"), rows)


def targets(options: Options, facts: Facts) -> Iterator[str]:
    """What this run measured beside what was aimed at."""
    rows = []
    for fact, kind, bound in TARGETS:
        if fact in facts:
            value = facts[fact]
            reached = value >= bound if kind == ">=" else value <= bound
            aim = f"{'at least' if kind == '>=' else 'at most'} {bound:g}"
            rows.append((fact, aim, f"{value:.3g}", "yes" if reached else "no"))
    if rows:
        yield table(("", "aim", "measured", "reached"), rows)


SECTIONS: dict[str, tuple[str, Section]] = {
    "engine": ("The engine and the plain port", engine),
    "sizes": ("Size (B, float32)", sizes),
    "rois": ("The search for regions", rois),
    "preview": ("The first preview, and the next", preview),
    "together": ("Several together", together),
    "profile": ("Where the time goes (B at 1024 x 1024, one thread, torch's profiler running)", profile),
    "noise": ("Noise alike over a length, a draw on one thread", noises),
    "losses": ("What bfloat16 costs", losses),
    "targets": ("Aims", targets),
}


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, few turns: to see that it works")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="default: all")
    parser.add_argument("--setups", nargs="+", choices=MODELS, default=list(MODELS), help="of the first section")
    parser.add_argument("--pictures", type=Path, help="a folder of held-out pictures: the loss in both precisions")
    parser.add_argument("--limit", type=int, help="only the first so many of them")
    parser.add_argument("--out", type=Path, help="a Markdown file whose part after the mark is replaced, or a new one")
    options = parser.parse_args()
    start_time = time.perf_counter()
    lines: list[str] = []
    facts: Facts = {}

    def write(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    command = " ".join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    write(table(("machine", ""), [*machine().items(), ("command", f"`{command}`")]))
    for name in options.sections:
        title, section = SECTIONS[name]
        parts = list(section(options, facts))
        if parts:
            write(f"## {title}\n")
            for part in parts:
                write(part)
    write(f"The whole run took {time.perf_counter() - start_time:.0f} s.")
    if options.out:
        header = options.out.read_text(encoding="utf-8").split(MARK)[0] if options.out.exists() else ""
        options.out.write_text(f"{header}{MARK}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
