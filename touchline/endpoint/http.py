"""Send one chat request over HTTP and classify the response."""

import asyncio
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import aiohttp
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from touchline.endpoint import reply
from touchline.endpoint.reply import ChatReply, build_fault_reply
from touchline.endpoint.request import ChatRequest
from touchline.endpoint.settings import EndpointParams
from touchline.errors import InputError

OVERLOAD_STATUSES = {429, 503, 529}  # the server has no room: fewer at once
TRANSIENT_STATUSES = {408, 409, 425, 500, 502, 504, *OVERLOAD_STATUSES}
REDACTED_KEY = "***"
QUOTA_MARKER = b"insufficient_quota"  # OpenAI says 429 also when the account is empty


@dataclass
class TransientEndpointError(Exception):
    """No reply this time; the same request may succeed later."""

    fault: str
    detail: str = ""
    wait: float = 0.0  # seconds, as the server asks
    overloaded: bool = False

    def to_reply(self) -> ChatReply:
        return build_fault_reply(self.fault, self.detail)


class EndpointUnavailableError(InputError):
    """The endpoint refuses all requests (bad key, empty account); retrying any request is
    pointless.
    """


class EndpointTransport:
    """The HTTP connections to one endpoint."""

    def __init__(self, endpoint: EndpointParams) -> None:
        self.endpoint, self.secret = endpoint, endpoint.read_key_value()
        headers = {"User-Agent": "touchline", "Content-Type": "application/json"}
        if self.secret:
            headers["Authorization"] = f"Bearer {self.secret}"
        self.address = f"{endpoint.url.rstrip('/')}/chat/completions"
        self.session = aiohttp.ClientSession(  # which reads no .netrc, unlike with trust_env
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=endpoint.timeout),
            connector=aiohttp.TCPConnector(limit=0),
            proxy=_find_proxy(endpoint),
        )

    async def close(self) -> None:
        await self.session.close()

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """Send the request; returns the reply with its cost. Raises `TransientEndpointError` or
        `EndpointUnavailableError`; neither text contains the key.
        """
        headers = {"Idempotency-Key": request.key}
        post = self.session.post
        try:
            async with post(
                self.address, data=request.to_json_bytes(), headers=headers, allow_redirects=False
            ) as response:
                return self._parse_response(response, await self._read_body(response))
        except TimeoutError:
            raise TransientEndpointError(reply.TIMEOUT, f"{self.endpoint.timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise TransientEndpointError(
                reply.CUT_OFF, f"cannot be reached ({error.os_error})"
            ) from None
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError) as error:
            raise TransientEndpointError(reply.CUT_OFF, type(error).__name__) from None

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes:
        """The whole response body. Raises `TransientEndpointError` beyond `MAX_REPLY_BYTES`."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > reply.MAX_REPLY_BYTES:
                raise TransientEndpointError(reply.STRANGE, "longer than any reply")
        return bytes(body)

    def _parse_response(self, response: aiohttp.ClientResponse, body: bytes) -> ChatReply:
        text = self._decode_redacted(body)
        if response.status == 200:
            return self._add_cost(reply.parse_completion_body(text))
        if response.status in (401, 402, 403) or (response.status == 429 and QUOTA_MARKER in body):
            raise self._build_unavailable_error(response.status, text)
        if response.status in TRANSIENT_STATUSES or response.status > 504:
            full = response.status in OVERLOAD_STATUSES
            fault = reply.BUSY if full else f"status {response.status}"
            raise TransientEndpointError(
                fault, text[: reply.MAX_DETAIL_LETTERS], _read_retry_after(response), full
            )
        return build_fault_reply(
            reply.VANISHED if response.status == 404 else reply.UNFIT, f"{response.status} {text}"
        )

    def _add_cost(self, parsed: ChatReply) -> ChatReply:
        if parsed.fault not in reply.FINAL_FAULTS:  # a page of a gateway: no model has said that
            raise TransientEndpointError(parsed.fault, parsed.detail)
        cost = self.endpoint.price.compute_cost(parsed.tokens_in, parsed.tokens_out)
        return ChatReply(**{**parsed.__dict__, "cost": cost, "paid": True})

    def _build_unavailable_error(self, status: int, text: str) -> EndpointUnavailableError:
        detail = build_fault_reply("", text).detail
        where = f"{self.endpoint.key or 'no key'} at {self.endpoint.host}"
        remedy = (
            f"name the variable of a key that may ask {self.endpoint.model}, or fill its account"
        )
        return EndpointUnavailableError(where, f"is refused: {status} {detail}", remedy)

    def _decode_redacted(self, body: bytes) -> str:
        """The body as text, with the key redacted if the server repeats it."""
        text = body.decode("utf-8", "replace")
        return text.replace(self.secret, REDACTED_KEY) if self.secret else text


def _read_retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        return float(Retry().parse_retry_after(response.headers.get("Retry-After", "0")))
    except InvalidHeader:
        return 0.0


def _find_proxy(endpoint: EndpointParams) -> str | None:
    """The proxy from the environment; None for this machine."""
    if endpoint.is_local or proxy_bypass(endpoint.host):
        return None
    return getproxies().get(endpoint.url.split(":")[0])
