"""Ask, before anything long begins, whether MLflow can be reached: its own tries take minutes."""

import os
import re
from contextlib import closing

from touchline.errors import BadInput

VARIABLE = "MLFLOW_TRACKING_URI"
PATIENCE = 5.0  # seconds for one answer
REMEDY = f"start it, or mend or unset {VARIABLE}"
GATEWAY = (502, 503, 504)  # the answer of a proxy before a server that is away


def reach() -> None:
    """Raise `BadInput` where the server or database that is named does not answer.

    A file is there or is made, and any other kind of address is left to MLflow.
    """
    uri = os.environ.get(VARIABLE, "")
    ask = {"http": _server, "https": _server, "postgresql": database}
    why = ask.get(re.split("[:+]", uri)[0], lambda _: "")(uri)
    if why:
        raise BadInput(f"MLflow at {shown(uri)}", f"cannot be reached ({why})", REMEDY)


def shown(uri: str) -> str:
    """An address without name and password."""
    return re.sub("(?<=://)[^/]*@", "", uri)


def _server(uri: str) -> str:
    """Why no server answers; "" if one does. No key is sent, so no certificate is looked at."""
    import httpx

    try:  # the border to the network
        health = f"{shown(uri).rstrip('/')}/health"
        status = httpx.get(health, timeout=PATIENCE, verify=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return f"it answers {status}" if status in GATEWAY else ""


def database(uri: str, driver: str = "") -> str:
    """Why the database cannot be asked, by its address's driver or another; "" if it can."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    wait = {"connect_timeout": round(PATIENCE)}
    try:  # the border to the network
        address = make_url(uri)
        address = address.set(drivername=driver) if driver else address
        engine = create_engine(address, connect_args=wait)
        with closing(engine.connect()) as line:
            line.execute(text("select 1"))
    except (SQLAlchemyError, ImportError) as error:
        return type(error).__name__
    return ""
