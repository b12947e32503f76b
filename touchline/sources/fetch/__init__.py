"""Fetching files so that a kill, a dropped line or a failing mirror costs little: see `fetch`."""

from touchline.sources.fetch.batch import fetch
from touchline.sources.fetch.request import Fetched, Wanted

__all__ = ["Fetched", "Wanted", "fetch"]
