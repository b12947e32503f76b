"""Download files resumably, with retries and mirrors: see `fetch_files`."""

from touchline.sources.fetch.batch import fetch_files
from touchline.sources.fetch.request import FetchedFile, FileRequest

__all__ = ["FetchedFile", "FileRequest", "fetch_files"]
