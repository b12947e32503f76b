"""A vision-language model: one of the run's own, a Hugging Face folder, or a hub name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from touchline.chat.messages import assistant_turns
from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.evaluation.candidates.weights import digest, local


class Watcher(Candidate):
    """A vision-language model, wherever its weights come from."""

    def weights(self, setting: Setting) -> list[Path]:
        """The folders its weights are in, on this disk."""
        raise NotImplementedError

    def net(self, setting: Setting) -> tuple[Any, Any]:
        """(model, processor), ready to generate."""
        from touchline.model.load import load

        return load(self.weights(setting)[0], setting.dtype, setting.attention)

    def identity(self, setting: Setting) -> list[Any]:
        return [
            *map(digest, self.weights(setting)),
            setting.dtype,
            setting.attention,
            setting.turn_tokens,
        ]

    def open(self, setting: Setting) -> Answer:
        from touchline.model.generate import Player
        from touchline.model.load import settle

        settle(setting.seed, setting.threads)
        net, processor = self.net(setting)
        options = setting.budget, setting.turn_tokens, setting.batch, setting.dialogue
        player = Player(net.eval(), processor, *options)

        def say(games: Sequence[Game]) -> list[Said]:
            attempts = player.play([(g.question, self.looking(g.reel)) for g in games])
            return [Said(tuple(assistant_turns(attempt.messages))) for attempt in attempts]

        return say


class Named(Watcher):
    """`model` is base, sft or rl (the run's own), a folder, or a hub name."""

    model: str
    revision: str  # of a hub model: a commit, so that a night can be repeated; "" for a folder

    def weights(self, setting: Setting) -> list[Path]:
        return [local(self.model, self.revision, setting.models)]


class Model(Named):
    """The model as it is."""

    kind: Literal["model"]
