"""The catalogue of sources: one file (or sub-package) and one line each."""

from touchline.sources.finebadminton import FINEBADMINTON
from touchline.sources.soccernet import SOCCERNET
from touchline.sources.soccernet.captions import SOCCERNET_CAPTIONS
from touchline.sources.source import Source
from touchline.sources.synthetic import SYNTHETIC

SOURCES: dict[str, Source] = {
    SYNTHETIC.name: SYNTHETIC,
    FINEBADMINTON.name: FINEBADMINTON,
    SOCCERNET.name: SOCCERNET,
    SOCCERNET_CAPTIONS.name: SOCCERNET_CAPTIONS,
}
