"""The one door to OpenAI-compatible chat endpoints: for a teacher, a judge and a candidate."""

from touchline.endpoint.budget import Purse
from touchline.endpoint.client import Client
from touchline.endpoint.concurrency import each
from touchline.endpoint.reply import Reply
from touchline.endpoint.request import Request, request
from touchline.endpoint.settings import FREE, Endpoint, Price, Spend

__all__ = [
    "FREE",
    "Client",
    "Endpoint",
    "Price",
    "Purse",
    "Reply",
    "Request",
    "Spend",
    "each",
    "request",
]
