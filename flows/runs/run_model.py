"""A model that a run made, by its place in the cache."""

from pydantic import BaseModel


class RunModel(BaseModel):
    """A model by its digest, and the run that trained it."""

    name: str  # RUN/ARTIFACT
    run: str
    path: str  # in the project: data/rl
    md5: str
