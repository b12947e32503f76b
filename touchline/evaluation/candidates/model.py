"""Candidate kind `model`: a vision-language model of the run, from a folder, or from the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from touchline.chat.messages import extract_assistant_turns
from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.evaluation.candidates.weights import digest_model_folder, locate_model_folder


class VisionCandidate(EvalCandidate):
    """Base class: a vision-language model, wherever its weights come from."""

    def weights(self, settings: EvalSettings) -> list[Path]:
        """The local folders that hold its weights."""
        raise NotImplementedError

    def load_net(self, settings: EvalSettings) -> tuple[Any, Any]:
        """(model, processor), ready to generate."""
        from touchline.model.load import load_model_and_processor

        return load_model_and_processor(
            self.weights(settings)[0], settings.dtype, settings.attention
        )

    def identity(self, settings: EvalSettings) -> list[Any]:
        return [
            *map(digest_model_folder, self.weights(settings)),
            settings.dtype,
            settings.attention,
            settings.turn_tokens,
        ]

    def open(self, settings: EvalSettings) -> AnswerFunction:
        from touchline.model.generate import ConversationGenerator
        from touchline.model.load import seed_everything

        seed_everything(settings.seed, settings.threads)
        net, processor = self.load_net(settings)
        options = settings.budget, settings.turn_tokens, settings.batch, settings.dialogue
        player = ConversationGenerator(net.eval(), processor, *options)

        def say(items: Sequence[EvalItem]) -> list[CandidateAnswer]:
            attempts = player.generate_conversations(
                [(g.question, self.transform_frames(g.reel)) for g in items]
            )
            return [
                CandidateAnswer(tuple(extract_assistant_turns(attempt.messages)))
                for attempt in attempts
            ]

        return say


class NamedModelCandidate(VisionCandidate):
    """Base class: `model` is base, sft or rl (the run's own), a folder, or a hub name."""

    model: str
    revision: str  # of a hub model: a commit, so that a night can be repeated; "" for a folder

    def weights(self, settings: EvalSettings) -> list[Path]:
        return [locate_model_folder(self.model, self.revision, settings.models)]


class ModelCandidate(NamedModelCandidate):
    """The named model, shown the clip's frames unchanged."""

    kind: Literal["model"]
