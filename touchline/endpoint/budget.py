"""What was spent, what may be, and a forecast after a pilot."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from touchline.endpoint.reply import Reply
from touchline.endpoint.settings import Spend
from touchline.errors import InputError


@dataclass
class Purse:
    """Counts every reply once, also one from the store: its cost is the product's.

    The stop is hard: nothing is sent when what is spent and what is under way, each request as
    dear as the dearest so far, would exceed the limit.
    """

    spend: Spend
    money: float = 0.0
    tokens: int = 0
    paid: float = 0.0  # of the money, in this attempt
    replies: int = 0
    stored: int = 0  # of the replies, from an earlier attempt
    sent: int = 0  # and not yet answered
    dearest: float = 0.0
    longest: int = 0

    def allows(self) -> bool:
        """Whether one more request may be sent."""
        more = self.sent + 1
        money, tokens = self.money + more * self.dearest, self.tokens + more * self.longest
        fits = not self.spend.money or money <= self.spend.money
        return fits and (not self.spend.tokens or tokens <= self.spend.tokens)

    @contextmanager
    def pending(self) -> Iterator[None]:
        """While a request is under way."""
        self.sent += 1
        try:
            yield
        finally:
            self.sent -= 1

    def take(self, reply: Reply) -> None:
        """Book a reply."""
        tokens = reply.tokens_in + reply.tokens_out
        self.money += reply.cost
        self.tokens += tokens
        self.replies += 1
        self.dearest, self.longest = max(self.dearest, reply.cost), max(self.longest, tokens)
        if reply.paid:
            self.paid += reply.cost
        else:
            self.stored += 1

    def forecast(self, what: str, done: int, rows: int) -> None:
        """Say what `rows` will cost by what `done` of them did; a `InputError` if it is too
        much.
        """
        share = rows / max(done, 1)
        money, tokens = self.money * share, self.tokens * share
        sys.stderr.write(
            f"{what}: {done} of {rows} rows cost {self.money:.4g} and {self.tokens:,} tokens; "
            f"all will cost about {money:.4g} and {tokens:,.0f} tokens\n"
        )
        over = [
            f"{name} {value:.4g} of {limit:.4g}"
            for name, value, limit in (
                ("money", money, self.spend.money),
                ("tokens", tokens, self.spend.tokens),
            )
            if limit and value > limit
        ]
        if over and self.spend.on_forecast == "stop":
            remedy = "raise the budget, ask less, or set on_forecast: go; what is done is kept"
            raise InputError(
                f"{what}: budget", f"the forecast exceeds it ({', '.join(over)})", remedy
            )
