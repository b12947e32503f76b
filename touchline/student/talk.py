"""One attempt in words: what a model is asked, what it says, and which frames its calls bring.

No picture is fetched here, so that what a model said can be played again at no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from touchline.dialogue import PLAIN, Dialogue
from touchline.records import Question
from touchline.student.conversation import Messages, asked
from touchline.tools.choose_frames import NAME, Viewing, read_call


@dataclass
class Talk:
    """One question in progress; `messages` name pictures by time."""

    question: Question
    viewing: Viewing
    dialogue: Dialogue = PLAIN
    messages: Messages = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self._add(*asked(self.question, self.viewing.open(), self.dialogue))

    def hear(self, turn: str) -> None:
        """Take the model's turn; a call that can be read is answered, anything else ends it."""
        self._add({"role": "assistant", "content": [{"type": "text", "text": turn}]})
        call = read_call(turn) if self.dialogue.thinks else None
        self.done = call is None
        if call is not None:
            blocks = self.viewing.call(*call)
            self._add({"role": "tool", "name": NAME, "content": blocks})

    def replay(self, turns: Sequence[str]) -> "Talk":
        """Hear the turns that an earlier attempt was made of."""
        for turn in turns:
            self.hear(turn)
        return self

    def _add(self, *messages: dict[str, Any]) -> None:
        self.messages.extend(messages)
