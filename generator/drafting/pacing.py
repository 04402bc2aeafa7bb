"""When to send: one hold for all workers, and how long to wait before the next attempt."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

ATTEMPTS = 4
"""How often one call is sent at most, each time because the server said that it had done nothing."""
MAX_WAIT_S = 60.0
FIRST_WAIT_S = 0.5


def wait_before(attempt: int, asked_s: float | None, jitter: float) -> float:
    """Seconds to wait after the `attempt`-th refusal: as the server asks, within reason, else ever longer.

    `jitter` lies between 0 and 1, and keeps workers that were refused together from coming back together.
    """
    if asked_s is not None:
        return min(max(asked_s, 0.0), MAX_WAIT_S)
    return float(min(FIRST_WAIT_S * 2 ** (attempt - 1) * (0.5 + jitter), MAX_WAIT_S))


class Pace:
    """Holds every worker back when a server has refused one, then lets one at a time try until one gets through."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._held = False
        self._until = 0.0
        self._one_at_a_time = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The time in which a request may be under way."""
        async with contextlib.AsyncExitStack() as stack:
            if self._held:
                await stack.enter_async_context(self._one_at_a_time)
                while (left := self._until - self.clock()) > 0:
                    await self._sleep(left)
                if not self._held:
                    await stack.aclose()
            yield

    def refused(self, attempt: int, asked_s: float | None) -> None:
        """A server did no work and wants to be left alone for a while."""
        self._held = True
        self._until = max(self._until, self.clock() + wait_before(attempt, asked_s, self._jitter()))

    def accepted(self) -> None:
        """A request got through."""
        self._held = False
