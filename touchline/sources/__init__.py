"""The registry of data sources: SOURCES maps a source's name to its `Source` definition."""

from touchline.sources.figure_skating import E2E_FIGURE_SKATING
from touchline.sources.finebadminton import FINEBADMINTON
from touchline.sources.finediving import FINEDIVING
from touchline.sources.local import LOCAL
from touchline.sources.mvfoul import MVFOUL
from touchline.sources.repcount import REPCOUNT
from touchline.sources.s3 import S3
from touchline.sources.shuttleset import SHUTTLESET
from touchline.sources.soccernet import SOCCERNET
from touchline.sources.soccernet.captions import SOCCERNET_CAPTIONS
from touchline.sources.source import Source
from touchline.sources.sportu import SPORTU
from touchline.sources.synthetic import SYNTHETIC
from touchline.sources.tennis import E2E_TENNIS

SOURCES: dict[str, Source] = {
    SYNTHETIC.name: SYNTHETIC,
    FINEBADMINTON.name: FINEBADMINTON,
    LOCAL.name: LOCAL,
    S3.name: S3,
    SHUTTLESET.name: SHUTTLESET,
    E2E_TENNIS.name: E2E_TENNIS,
    FINEDIVING.name: FINEDIVING,
    E2E_FIGURE_SKATING.name: E2E_FIGURE_SKATING,
    REPCOUNT.name: REPCOUNT,
    MVFOUL.name: MVFOUL,
    SPORTU.name: SPORTU,
    SOCCERNET.name: SOCCERNET,
    SOCCERNET_CAPTIONS.name: SOCCERNET_CAPTIONS,
}
