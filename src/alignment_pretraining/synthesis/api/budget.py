"""Money: what was spent, what may still be billed for requests on their way, and the limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Budget:
    """US dollars. `held` is what the requests on their way can cost at most, so the limit is never crossed."""

    limit: float
    spent: float = 0.0
    held: float = 0.0

    def fits(self, most: float) -> bool:
        """Whether a request that costs at most `most` can be sent."""
        return self.spent + self.held + most <= self.limit

    def hold(self, most: float) -> None:
        """A request was sent."""
        self.held += most

    def settle(self, most: float) -> None:
        """A request came to its end; what it cost is counted by `spend`."""
        self.held = max(0.0, self.held - most)

    def spend(self, usd: float) -> None:
        """An answer came."""
        self.spent += usd
