"""Registry of sports by name; add a file and a line here."""

from touchline.sports.american_football import AMERICAN_FOOTBALL
from touchline.sports.badminton import BADMINTON
from touchline.sports.baseball import BASEBALL
from touchline.sports.basketball import BASKETBALL
from touchline.sports.diving import DIVING
from touchline.sports.figure_skating import FIGURE_SKATING
from touchline.sports.fitness import FITNESS
from touchline.sports.ice_hockey import ICE_HOCKEY
from touchline.sports.soccer import SOCCER
from touchline.sports.sport import Sport
from touchline.sports.tennis import TENNIS
from touchline.sports.volleyball import VOLLEYBALL

SPORTS: dict[str, Sport] = {
    SOCCER.name: SOCCER,
    BADMINTON.name: BADMINTON,
    BASKETBALL.name: BASKETBALL,
    TENNIS.name: TENNIS,
    DIVING.name: DIVING,
    FIGURE_SKATING.name: FIGURE_SKATING,
    FITNESS.name: FITNESS,
    VOLLEYBALL.name: VOLLEYBALL,
    ICE_HOCKEY.name: ICE_HOCKEY,
    BASEBALL.name: BASEBALL,
    AMERICAN_FOOTBALL.name: AMERICAN_FOOTBALL,
}
