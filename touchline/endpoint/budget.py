"""Count money and tokens of chat requests, enforce the budget, and forecast the total after a
pilot.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from touchline.endpoint.reply import ChatReply
from touchline.endpoint.settings import SpendParams
from touchline.errors import InputError


@dataclass
class SpendingLimit:
    """The spending so far, including cached replies, which count as part of the product's cost.

    The limit is hard: nothing is sent if the spending plus all requests in flight, each priced like
    the most expensive reply so far, would exceed it.
    """

    limits: SpendParams
    money: float = 0.0
    tokens: int = 0
    money_this_attempt: float = 0.0  # of the money, in this attempt
    replies: int = 0
    cached_replies: int = 0  # of the replies, from an earlier attempt
    pending_requests: int = 0  # and not yet answered
    max_reply_cost: float = 0.0
    max_reply_tokens: int = 0

    def allows_request(self) -> bool:
        """Whether one more request may be sent."""
        more = self.pending_requests + 1
        money, tokens = (
            self.money + more * self.max_reply_cost,
            self.tokens + more * self.max_reply_tokens,
        )
        fits = not self.limits.money or money <= self.limits.money
        return fits and (not self.limits.tokens or tokens <= self.limits.tokens)

    @contextmanager
    def count_pending(self) -> Iterator[None]:
        """Context manager: count a request as in flight."""
        self.pending_requests += 1
        try:
            yield
        finally:
            self.pending_requests -= 1

    def add_reply(self, reply: ChatReply) -> None:
        """Add the cost and tokens of a reply."""
        tokens = reply.tokens_in + reply.tokens_out
        self.money += reply.cost
        self.tokens += tokens
        self.replies += 1
        self.max_reply_cost, self.max_reply_tokens = (
            max(self.max_reply_cost, reply.cost),
            max(self.max_reply_tokens, tokens),
        )
        if reply.paid:
            self.money_this_attempt += reply.cost
        else:
            self.cached_replies += 1

    def check_forecast(self, stage: str, done: int, rows: int) -> None:
        """Print the projected cost of `rows` rows from the first `done`. Raises `InputError` if it
        exceeds the budget and `on_forecast` is `stop`.
        """
        scale = rows / max(done, 1)
        money, tokens = self.money * scale, self.tokens * scale
        sys.stderr.write(
            f"{stage}: {done} of {rows} rows cost {self.money:.4g} and {self.tokens:,} tokens; "
            f"all will cost about {money:.4g} and {tokens:,.0f} tokens\n"
        )
        over = [
            f"{name} {value:.4g} of {limit:.4g}"
            for name, value, limit in (
                ("money", money, self.limits.money),
                ("tokens", tokens, self.limits.tokens),
            )
            if limit and value > limit
        ]
        if over and self.limits.on_forecast == "stop":
            remedy = "raise the budget, ask less, or set on_forecast: go; what is done is kept"
            raise InputError(
                f"{stage}: budget", f"the forecast exceeds it ({', '.join(over)})", remedy
            )
