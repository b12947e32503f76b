"""The catalogue of sources: one file (or sub-package) and one line each."""

from touchline.sources.finebadminton import FINEBADMINTON
from touchline.sources.local import LOCAL
from touchline.sources.s3 import S3
from touchline.sources.source import Source
from touchline.sources.synthetic import SYNTHETIC

SOURCES: dict[str, Source] = {
    SYNTHETIC.name: SYNTHETIC,
    FINEBADMINTON.name: FINEBADMINTON,
    LOCAL.name: LOCAL,
    S3.name: S3,
}
