"""Settings of a chat endpoint: address, sampling, prices and budget."""

import os
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from touchline.config import Params
from touchline.errors import InputError


class PriceParams(Params):
    """Price per million input and output tokens, in the currency of the budget."""

    input: float
    output: float

    def compute_cost(self, tokens_in: int, tokens_out: int) -> float:
        """The cost of a reply with these token counts."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


class EndpointParams(Params):
    """An OpenAI-compatible chat endpoint: vLLM, OpenAI, a gateway, or `touchline serve`."""

    url: str  # up to and with the version, e.g. https://api.openai.com/v1
    model: str
    key: str  # name of the environment variable that holds the key; "" for none
    in_flight: int  # requests at the same time, at most; fewer when the server refuses
    timeout: float  # seconds for one reply
    tries: int  # of one request, before its row ends as a fault
    patience: float  # seconds without any good reply, after which the endpoint is given up
    calls: Literal["api", "text"]  # tool calls as the API has them, or written out in the text
    frames_in: Literal["tool", "user"]  # OpenAI takes no pictures in the tool's turn, vLLM does
    pictures: Literal["png", "jpeg"]
    metadata: bool  # tell the row's id to the server; OpenAI refuses it unless `store` is set
    price: PriceParams
    sampling: dict[str, Any]  # goes whole into the request: max_tokens, temperature, seed ...

    @property
    def host(self) -> str:
        """Host and port of the URL; safe to record in lineage."""
        return urlsplit(self.url).netloc

    @property
    def is_local(self) -> bool:
        """Whether the endpoint runs on this machine (localhost or loopback address)."""
        name = urlsplit(self.url).hostname or ""
        try:
            return name == "localhost" or ip_address(name).is_loopback
        except ValueError:
            return False

    def read_key_value(self) -> str:
        """The value of the API key variable, "" for none. Raises `InputError` if it is missing,
        malformed or would be sent unencrypted.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            wrong = "is not an http(s) address without a user"
            raise InputError(
                f"endpoint url at {parts.hostname}", wrong, "write http://host:port/v1"
            )
        value = os.environ.get(self.key, "") if self.key else ""
        if self.key and not value:
            raise InputError(self.key, "is not set", "put the endpoint's key into this variable")
        if not (value.isascii() and value.isprintable()):
            raise InputError(self.key, "holds what no key holds (a line break?)", "set it again")
        if value and parts.scheme != "https" and not self.is_local:
            raise InputError(self.url, f"would get {self.key} unencrypted", "use its https address")
        return value


class SpendParams(Params):
    """The budget of a product; cached replies count with what they cost originally."""

    money: float  # 0 for no limit
    tokens: int  # 0 for no limit
    pilot: int  # rows after which the whole is forecast; 0 for no forecast
    on_forecast: Literal["stop", "go"]  # when the forecast exceeds the budget


UNLIMITED_SPEND = SpendParams(money=0.0, tokens=0, pilot=0, on_forecast="go")
