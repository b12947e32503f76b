"""Check early that MLflow can be reached, because MLflow's own retries take minutes."""

import os
import re
from contextlib import closing

from touchline.errors import InputError

TRACKING_URI_VARIABLE = "MLFLOW_TRACKING_URI"
ANSWER_TIMEOUT = 5.0  # seconds for one answer
MLFLOW_REMEDY = f"start it, or correct or unset {TRACKING_URI_VARIABLE}"
GATEWAY_ERRORS = (502, 503, 504)  # the answer of a proxy before a server that is away


def check_mlflow_reachable() -> None:
    """Raise `InputError` if the configured MLflow server or PostgreSQL database does not answer.
    Other kinds of addresses are not checked.
    """
    uri = os.environ.get(TRACKING_URI_VARIABLE, "")
    ask = {
        "http": _find_server_failure,
        "https": _find_server_failure,
        "postgresql": find_database_failure,
    }
    why = ask.get(re.split("[:+]", uri)[0], lambda _: "")(uri)
    if why:
        raise InputError(
            f"MLflow at {hide_url_credentials(uri)}", f"cannot be reached ({why})", MLFLOW_REMEDY
        )


def hide_url_credentials(uri: str) -> str:
    """The URL without user name and password."""
    return re.sub("(?<=://)[^/]*@", "", uri)


def _find_server_failure(uri: str) -> str:
    """Why the server does not answer, or an empty string. No credentials are sent, so certificates
    are not verified.
    """
    import httpx

    try:  # the border to the network
        health = f"{hide_url_credentials(uri).rstrip('/')}/health"
        status = httpx.get(health, timeout=ANSWER_TIMEOUT, verify=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return f"it answers {status}" if status in GATEWAY_ERRORS else ""


def find_database_failure(uri: str, driver: str = "") -> str:
    """Why the database cannot be reached, or an empty string; `driver` replaces the
    URL's driver.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    wait = {"connect_timeout": round(ANSWER_TIMEOUT)}
    try:  # the border to the network
        address = make_url(uri)
        address = address.set(drivername=driver) if driver else address
        engine = create_engine(address, connect_args=wait)
        with closing(engine.connect()) as line:
            line.execute(text("select 1"))
    except (SQLAlchemyError, ImportError) as error:
        return type(error).__name__
    return ""
