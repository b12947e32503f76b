"""Candidate kind `text`: a text-only language model that reads the commentary, as Mistral in the
spotting paper.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.evaluation.candidates.weights import digest_model_folder, locate_model_folder


class TextCandidate(EvalCandidate):
    """`model` is a folder or hub name of a causal language model."""

    kind: Literal["text"]
    model: str
    revision: str  # of a hub model: a commit; "" for a folder
    senses: ClassVar = "commentary"

    def weights(self, settings: EvalSettings) -> Path:
        return locate_model_folder(self.model, self.revision, settings.models)

    def identity(self, settings: EvalSettings) -> list[Any]:
        return [digest_model_folder(self.weights(settings)), settings.dtype, settings.turn_tokens]

    def open(self, settings: EvalSettings) -> AnswerFunction:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from touchline.model.load import seed_everything

        seed_everything(settings.seed, settings.threads)
        folder = self.weights(settings)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        net: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, settings.dtype)
        )
        net = net.to("cuda" if torch.cuda.is_available() else "cpu").eval()

        def say(items: Sequence[EvalItem]) -> list[CandidateAnswer]:
            prompts = [
                _prompt(self.build_text_messages(item, settings), tokenizer) for item in items
            ]
            batch = tokenizer(
                prompts,
                return_tensors="pt",
                padding=True,
                add_special_tokens=_has_no_template(tokenizer),
            ).to(net.device)
            batch.pop("token_type_ids", None)
            with torch.inference_mode():
                ids = net.generate(**batch, do_sample=False, max_new_tokens=settings.turn_tokens)
            new = ids[:, batch["input_ids"].shape[1] :]
            texts = tokenizer.batch_decode(new, skip_special_tokens=True)
            return [CandidateAnswer((text.strip(),)) for text in texts]

        return say


def _prompt(messages: list[dict[str, Any]], tokenizer: Any) -> str:
    """The talk by the model's own template, one that knows no system turn included."""
    plain = [{**m, "content": "".join(b["text"] for b in m["content"])} for m in messages]
    whole = "\n\n".join(message["content"] for message in plain)
    if _has_no_template(tokenizer):
        return f"{whole}\n"
    from jinja2 import TemplateError

    template = {"tokenize": False, "add_generation_prompt": True}
    try:
        return tokenizer.apply_chat_template(plain, **template)
    except TemplateError:
        return tokenizer.apply_chat_template([{"role": "user", "content": whole}], **template)


def _has_no_template(tokenizer: Any) -> bool:
    return not tokenizer.chat_template
