"""The catalogue of sports: one file and one line each."""

from touchline.sports.badminton import BADMINTON
from touchline.sports.basketball import BASKETBALL
from touchline.sports.soccer import SOCCER
from touchline.sports.sport import Sport

SPORTS: dict[str, Sport] = {
    SOCCER.name: SOCCER,
    BADMINTON.name: BADMINTON,
    BASKETBALL.name: BASKETBALL,
}
