"""A text-only language model that reads the commentary: the spotting paper's Mistral."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.evaluation.candidates.weights import digest, local


class Text(Candidate):
    """`model` is a folder or a hub name of a causal language model."""

    kind: Literal["text"]
    model: str
    revision: str  # of a hub model: a commit; "" for a folder
    senses: ClassVar = "commentary"

    def weights(self, setting: Setting) -> Path:
        return local(self.model, self.revision, setting.models)

    def identity(self, setting: Setting) -> list[Any]:
        return [digest(self.weights(setting)), setting.dtype, setting.turn_tokens]

    def open(self, setting: Setting) -> Answer:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from touchline.model.load import settle

        settle(setting.seed, setting.threads)
        folder = self.weights(setting)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        net: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, setting.dtype))
        net = net.to("cuda" if torch.cuda.is_available() else "cpu").eval()

        def say(games: Sequence[Game]) -> list[Said]:
            prompts = [_prompt(self.asked(game, setting), tokenizer) for game in games]
            batch = tokenizer(
                prompts, return_tensors="pt", padding=True, add_special_tokens=_bare(tokenizer)
            ).to(net.device)
            batch.pop("token_type_ids", None)
            with torch.inference_mode():
                ids = net.generate(**batch, do_sample=False, max_new_tokens=setting.turn_tokens)
            new = ids[:, batch["input_ids"].shape[1] :]
            texts = tokenizer.batch_decode(new, skip_special_tokens=True)
            return [Said((text.strip(),)) for text in texts]

        return say


def _prompt(messages: list[dict[str, Any]], tokenizer: Any) -> str:
    """The talk by the model's own template, one that knows no system turn included."""
    plain = [{**m, "content": "".join(b["text"] for b in m["content"])} for m in messages]
    whole = "\n\n".join(message["content"] for message in plain)
    if _bare(tokenizer):
        return f"{whole}\n"
    from jinja2 import TemplateError

    template = {"tokenize": False, "add_generation_prompt": True}
    try:
        return tokenizer.apply_chat_template(plain, **template)
    except TemplateError:
        return tokenizer.apply_chat_template([{"role": "user", "content": whole}], **template)


def _bare(tokenizer: Any) -> bool:
    return not tokenizer.chat_template
