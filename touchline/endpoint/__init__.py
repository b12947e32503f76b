"""Client for OpenAI-compatible chat endpoints, used by teachers, judges and candidates."""

from touchline.endpoint.budget import SpendingLimit
from touchline.endpoint.client import EndpointClient
from touchline.endpoint.concurrency import run_concurrently
from touchline.endpoint.reply import ChatReply
from touchline.endpoint.request import ChatRequest, build_chat_request
from touchline.endpoint.settings import UNLIMITED_SPEND, EndpointParams, PriceParams, SpendParams

__all__ = [
    "UNLIMITED_SPEND",
    "ChatReply",
    "ChatRequest",
    "EndpointClient",
    "EndpointParams",
    "PriceParams",
    "SpendParams",
    "SpendingLimit",
    "build_chat_request",
    "run_concurrently",
]
