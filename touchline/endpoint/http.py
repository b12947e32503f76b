"""One exchange over HTTP: a request goes out, and whatever comes back is given a name."""

import asyncio
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import aiohttp
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from touchline.endpoint import reply
from touchline.endpoint.reply import Reply, failed
from touchline.endpoint.request import Request
from touchline.endpoint.settings import Endpoint
from touchline.errors import InputError

FULL = {429, 503, 529}  # the server has no room: fewer at once
PASSING = {408, 409, 425, 500, 502, 504, *FULL}
HIDDEN = "***"
BROKE = b"insufficient_quota"  # OpenAI says 429 also when the account is empty


@dataclass
class Passing(Exception):
    """No reply this time; the same request may fare better in a while."""

    fault: str
    detail: str = ""
    wait: float = 0.0  # seconds, as the server asks
    full: bool = False

    def reply(self) -> Reply:
        return failed(self.fault, self.detail)


class Shut(InputError):
    """The endpoint turns everybody away: no request of any row would fare better."""


class Exchange:
    """The connections to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.secret = endpoint, endpoint.secret()
        headers = {"User-Agent": "touchline", "Content-Type": "application/json"}
        if self.secret:
            headers["Authorization"] = f"Bearer {self.secret}"
        self.address = f"{endpoint.url.rstrip('/')}/chat/completions"
        self.session = aiohttp.ClientSession(  # which reads no .netrc, unlike with trust_env
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=endpoint.timeout),
            connector=aiohttp.TCPConnector(limit=0),
            proxy=_proxy(endpoint),
        )

    async def close(self) -> None:
        await self.session.close()

    async def __call__(self, asked: Request) -> Reply:
        """The reply, priced; raises `Passing` or `Shut`. Neither names the key."""
        headers = {"Idempotency-Key": asked.key}
        post = self.session.post
        try:
            async with post(
                self.address, data=asked.body(), headers=headers, allow_redirects=False
            ) as got:
                return self._named(got, await self._body(got))
        except TimeoutError:
            raise Passing(reply.TIMEOUT, f"{self.endpoint.timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Passing(reply.CUT_OFF, f"cannot be reached ({error.os_error})") from None
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError) as error:
            raise Passing(reply.CUT_OFF, type(error).__name__) from None

    async def _body(self, got: aiohttp.ClientResponse) -> bytes:
        """All of it, but never more than a reply can be."""
        body = bytearray()
        async for piece in got.content.iter_any():
            body += piece
            if len(body) > reply.LONGEST:
                raise Passing(reply.STRANGE, "longer than any reply")
        return bytes(body)

    def _named(self, got: aiohttp.ClientResponse, body: bytes) -> Reply:
        text = self._shown(body)
        if got.status == 200:
            return self._good(reply.read(text))
        if got.status in (401, 402, 403) or (got.status == 429 and BROKE in body):
            raise self._shut(got.status, text)
        if got.status in PASSING or got.status > 504:
            full = got.status in FULL
            fault = reply.BUSY if full else f"status {got.status}"
            raise Passing(fault, text[: reply.SAID], _wait(got), full)
        return failed(reply.VANISHED if got.status == 404 else reply.UNFIT, f"{got.status} {text}")

    def _good(self, found: Reply) -> Reply:
        if found.fault not in reply.FINAL:  # a page of a gateway: no model has said that
            raise Passing(found.fault, found.detail)
        cost = self.endpoint.price.of(found.tokens_in, found.tokens_out)
        return Reply(**{**found.__dict__, "cost": cost, "paid": True})

    def _shut(self, status: int, text: str) -> Shut:
        said = failed("", text).detail
        where = f"{self.endpoint.key or 'no key'} at {self.endpoint.host}"
        remedy = (
            f"name the variable of a key that may ask {self.endpoint.model}, or fill its account"
        )
        return Shut(where, f"is refused: {status} {said}", remedy)

    def _shown(self, body: bytes) -> str:
        """The body in words, without the key, should the server repeat it."""
        text = body.decode("utf-8", "replace")
        return text.replace(self.secret, HIDDEN) if self.secret else text


def _wait(got: aiohttp.ClientResponse) -> float:
    try:
        return float(Retry().parse_retry_after(got.headers.get("Retry-After", "0")))
    except InvalidHeader:
        return 0.0


def _proxy(endpoint: Endpoint) -> str | None:
    """As the environment says; never for this machine."""
    if endpoint.here or proxy_bypass(endpoint.host):
        return None
    return getproxies().get(endpoint.url.split(":")[0])
