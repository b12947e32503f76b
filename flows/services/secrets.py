"""Load credentials from a Prefect secret block instead of the environment.

`TOUCHLINE_SECRETS` names a block of type Secret with a JSON object such as {"AWS_ACCESS_KEY_ID":
"...", "HF_TOKEN": "..."}. Variables that are set already win. Values are never stored, and only
names of credentials are accepted.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.services import prefect_server
from touchline.errors import InputError

SECRETS_VARIABLE = "TOUCHLINE_SECRETS"
# A block must not be able to change what is run: no PATH, LD_PRELOAD, PYTHONPATH.
CREDENTIAL_NAME = re.compile(r"[A-Z][A-Z0-9_]*_(TOKEN|KEY|KEY_ID|SECRET|PASSWORD|USERNAME|URL)")


def load_secrets(state: Path) -> list[str]:
    """Set the block's credentials as environment variables. Returns the names that were set."""
    block = os.environ.get(SECRETS_VARIABLE)
    if not block:
        return []
    api = os.environ.get("PREFECT_API_URL") or prefect_server.find_open_ui(state)
    if not api:
        remedy = "set PREFECT_API_URL, or open `touchline ui`"
        raise InputError(f"{SECRETS_VARIABLE}={block}", "there is no Prefect server to ask", remedy)
    os.environ["PREFECT_API_URL"] = api
    credentials = {k: v for k, v in read_secret_block(block).items() if k not in os.environ}
    os.environ.update(credentials)
    return sorted(credentials)


def read_secret_block(block: str) -> Mapping[str, str]:
    """The variables of a block. Raises `InputError`, without values in it, if they are not a JSON
    object of credentials.
    """
    place, remedy = f"{SECRETS_VARIABLE}={block}", 'let it hold a JSON object: {"HF_TOKEN": "..."}'
    value = _load_block_value(block, place)
    try:
        variables = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise InputError(place, "holds no JSON", remedy) from None
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        raise InputError(place, "is not an object of texts", remedy)
    if invalid_names := sorted(name for name in variables if not CREDENTIAL_NAME.fullmatch(name)):
        problem = f"names what is not a credential: {', '.join(invalid_names)}"
        raise InputError(place, problem, "leave such variables to the work pool's `env`")
    return variables


def _load_block_value(block: str, place: str) -> Any:
    from prefect.blocks.system import Secret

    try:  # the border to the network
        loaded: Any = Secret.load(block)
        return loaded.get()
    except ValueError:
        remedy = "make it on the Prefect server, of the type Secret"
        raise InputError(place, "the server has no such block", remedy) from None
    except Exception as error:
        problem = f"cannot be read ({type(error).__name__})"
        raise InputError(place, problem, "see whether the Prefect server answers") from None
