"""The app without a terminal, driven by keys."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from curation_tui.app import CurationApp
from curation_tui.review import ReviewScreen
from curation_tui.session import Session
from generator.records import DraftState
from generator.store import Store

Scenario = Callable[["Review"], Awaitable[None]]


class Review:
    """A running app with short ways to press keys and to read what came of it."""

    def __init__(self, app: CurationApp, session: Session, pilot: Pilot[None]) -> None:
        self.app, self.session, self.pilot = app, session, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        await self.pilot.pause()
        screens = [each for each in self.app.screen_stack if isinstance(each, ReviewScreen)]
        while any(each._ranking or each._rank_timer is not None for each in screens):
            await self.pilot.pause(0.01)

    def shown(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def state(self, draft_id: str) -> DraftState:
        """As another process reads it."""
        with Store.open(self.session.path) as store:
            return store.state(draft_id)


def review(project: Path, scenario: Scenario, *, size: tuple[int, int] = (120, 36), actor: str = "ana") -> None:
    """Run a scenario on the Review screen of a project."""

    async def run() -> None:
        session = Session.open(project, actor)
        app = CurationApp(session)
        try:
            async with app.run_test(size=size) as pilot:
                running = Review(app, session, pilot)
                await running.settle()
                await scenario(running)
        finally:
            session.close()

    asyncio.run(run())
