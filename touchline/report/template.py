"""Pages from the templates beside this file: one offline file each, all untrusted text escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from touchline.clock import spoken
from touchline.products import whole_file

FOLDER = Path(__file__).parent
# The browser itself refuses any request: everything is inline, pictures are data.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'"
)


def write_page(path: Path, template: str, **context: Any) -> None:
    """Fill `template` in and write it whole; an unknown name in it is an error, not a gap."""
    style = Markup((FOLDER / "style.css").read_text(encoding="utf-8"))
    script = Markup((FOLDER / "filter.js").read_text(encoding="utf-8"))
    fixed = {"style": style, "script": script, "policy": POLICY}
    page = _environment().get_template(template).render(**fixed, **context)
    with whole_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,  # answers and thoughts are a model's words: never markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"spoken": spoken, "number": number, "signed": signed}
    return environment


def number(value: Any) -> str:
    """0.8251 -> `0.83`, 15.25 -> `15.2`, 1234 -> `1,234`; words stay as they are."""
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:,.{1 if abs(value) < 100 else 0}f}"
    return f"{value:,}" if type(value) is int else str(value)


def signed(value: float) -> str:
    """0.013 -> `+0.01`; a true minus sign for losses, none for a loss that rounds to nothing."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
