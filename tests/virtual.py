"""A clock for tests: time goes on only when somebody sleeps, and nobody really does."""

import asyncio

from bulkseg.clock import Clock


class VirtualTime:
    def __init__(self) -> None:
        self.now = 1_000.0

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, monotonic=lambda: self.now, sleep=self.sleep, chance=lambda: 0.5)
