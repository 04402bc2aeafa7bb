"""Write a picture of the Review screen: python tests/curation_tui/screenshot.py PROJECT OUT.svg --size 120x36."""

import argparse
import asyncio
from pathlib import Path

from curation_tui.app import CurationApp
from curation_tui.session import Session


async def picture(project: Path, size: tuple[int, int], keys: list[str], theme: str | None) -> str:
    session = Session.open(project, "ana")
    app = CurationApp(session)
    async with app.run_test(size=size) as pilot:
        if theme is not None:
            app.theme = theme
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await app.workers.wait_for_complete()
        await pilot.pause(0.1)
        return app.export_screenshot(title="groundset curate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="120x36")
    parser.add_argument("--keys", default="", help="pressed first, separated by commas; they decide in PROJECT")
    parser.add_argument("--theme", help="groundset-dark or groundset-light")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    keys = [key for key in options.keys.split(",") if key]
    options.out.write_text(
        asyncio.run(picture(options.project, (width, height), keys, options.theme)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
