"""Every screen of the app at four sizes, dark and light, as text and as pictures; and what is cut, open or faint.

    PYTHONPATH=. python tests/evidence/captures.py PROJECT OUT [--view map] [--size 80x24] [--theme dark] [--blind]

Works on a copy of PROJECT.
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from generator.store import Store
from tests.curation_tui.views import SIZES, THEMES_SHOWN, VIEWS, Stage, View, cut, faint, named, open_borders, staged

CHECKS = {"an open border": open_borders, "cut": cut, "too faint": faint}


async def capture(project: Path, out: Path, options: argparse.Namespace) -> Counter[str]:
    """Write the files of all views that are asked for; how many have which fault."""
    faults: Counter[str] = Counter()
    async with staged(project, actor=options.actor, blind=options.blind) as stage:
        for view in [each for each in VIEWS if not options.view or each.name in options.view]:
            await stage.go_to(view)
            for theme in options.theme or THEMES_SHOWN:
                await stage.dress(theme)
                for size in SIZES:
                    if not options.size or named(size) in options.size:
                        await stage.resize(size)
                        faults += write(stage, view, size, theme, out)
                        faults["captures"] += 1
            await stage.back(view)
    return faults


def write(stage: Stage, view: View, size: tuple[int, int], theme: str, out: Path) -> Counter[str]:
    """One capture in both forms; says what is wrong with it."""
    name = f"{view.name}-{named(size)}-{theme}"
    (out / f"{name}.txt").write_text("\n".join(stage.lines()) + "\n", encoding="utf-8")
    (out / f"{name}.svg").write_text(stage.app.export_screenshot(title="groundset curate"), encoding="utf-8")
    found: Counter[str] = Counter()
    for words, check in CHECKS.items():
        said = check(stage)
        if said:
            found[words] += 1
            print(f"{name}: {words}: {'; '.join(said[:3])}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--as", dest="actor", default="ana")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--view", action="append", choices=[each.name for each in VIEWS])
    parser.add_argument("--size", action="append", choices=[named(each) for each in SIZES])
    parser.add_argument("--theme", action="append", help="dark and light, unless named")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copy(options.project, scratch)).name
        with contextlib.chdir(scratch):  # the Export screen names the folder it would write to
            before = decisions(Path(copy))
            faults = asyncio.run(capture(Path(copy), out, options))
            assert decisions(Path(copy)) == before
    said = ", ".join(f"{faults[words]} {words}" for words in CHECKS)
    print(f"{faults['captures']} captures in {options.out}: {said}")


def decisions(project: Path) -> int:
    with Store.open(project) as store:
        return len(store.decisions())


if __name__ == "__main__":
    main()
