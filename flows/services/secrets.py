"""Credentials from a Prefect block, for whoever does not want them in the environment of a worker.

`TOUCHLINE_SECRETS` names a block of the type Secret that holds a JSON object, variable -> value,
such as {"AWS_ACCESS_KEY_ID": "...", "HF_TOKEN": "..."}. What the environment has already wins.
Values are never written down, and nothing but credentials is taken.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.services import prefect_server
from touchline.errors import BadInput

VARIABLE = "TOUCHLINE_SECRETS"
# A block must not be able to change what is run: no PATH, LD_PRELOAD, PYTHONPATH.
CREDENTIAL = re.compile(r"[A-Z][A-Z0-9_]*_(TOKEN|KEY|KEY_ID|SECRET|PASSWORD|USERNAME|URL)")


def load(state: Path) -> list[str]:
    """Put the block's credentials into the environment; the names that were set."""
    block = os.environ.get(VARIABLE)
    if not block:
        return []
    api = os.environ.get("PREFECT_API_URL") or prefect_server.open_ui(state)
    if not api:
        remedy = "set PREFECT_API_URL, or open `touchline ui`"
        raise BadInput(f"{VARIABLE}={block}", "there is no Prefect server to ask", remedy)
    os.environ["PREFECT_API_URL"] = api
    found = {k: v for k, v in read(block).items() if k not in os.environ}
    os.environ.update(found)
    return sorted(found)


def read(block: str) -> Mapping[str, str]:
    """The block's variables. Raises `BadInput`, never with a value in it."""
    place, form = f"{VARIABLE}={block}", 'let it hold a JSON object: {"HF_TOKEN": "..."}'
    value = _value(block, place)
    try:
        held = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise BadInput(place, "holds no JSON", form) from None
    if not isinstance(held, dict) or not all(isinstance(v, str) for v in held.values()):
        raise BadInput(place, "is no object of texts", form)
    if odd := sorted(name for name in held if not CREDENTIAL.fullmatch(name)):
        wrong = f"names what is no credential: {', '.join(odd)}"
        raise BadInput(place, wrong, "leave such variables to the work pool's `env`")
    return held


def _value(block: str, place: str) -> Any:
    from prefect.blocks.system import Secret

    try:  # the border to the network
        loaded: Any = Secret.load(block)
        return loaded.get()
    except ValueError:
        remedy = "make it on the Prefect server, of the type Secret"
        raise BadInput(place, "the server has no such block", remedy) from None
    except Exception as error:
        wrong = f"cannot be read ({type(error).__name__})"
        raise BadInput(place, wrong, "see whether the Prefect server answers") from None
