"""Ship a sweep: of a store, the pictures that all settings were measured on, in one small file.

    frantools sweep note --data ../shared/portraits/test --limit 16 --store sweep-store
    python benchmarks/ship_sweep.py sweep-store --commit COMMIT --command COMMAND

Nothing is computed. A sweep that goes on later adds pictures: run it again then.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from frantools.comparisons.cache import ENGINE
from frantools.files import replacing
from frantools.sweeps.export import export_records, format_export
from frantools.sweeps.reader import read_records

OUT = Path(__file__).parent.parent / "data" / "results" / "sweep" / "note.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", help="the folder that the sweep kept its results in")
    parser.add_argument("--command", required=True, help="that made them")
    parser.add_argument("--commit", required=True, help="of the code that made them")
    parser.add_argument("--data", default="portraits, held out", help="what the pictures are")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    facts, pictures, _ = read_records(options.store)
    about = {"command": options.command, "commit": options.commit, "data": options.data, "engine": ENGINE}
    content = export_records(facts, pictures, **about)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(options.out) as temporary:
        temporary.write_text(format_export(content), encoding="utf-8")
    shape = f"{len(content['settings'])} settings on {len(content['pictures'])} pictures"
    print(f"{options.out}: {shape}, {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
