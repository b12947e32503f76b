"""Paths, links, commands and flags that README and docs show exist; the index is up to date."""

import argparse
import importlib.util
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli import build_cli_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP = "touchline|flows|stages|tests|benchmarks|presets|docker|docs|[.]ci"
PATH = re.compile(rf"`((?:{TOP})/[\w./-]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
MADE = {"docker/.env", "docker/store", "presets/NAME.yaml"}  # that the reader makes, or names
CODE = re.compile(r"`([^`\n]+)`|^((?:[A-Z_]+=\S+ |[$] )*touchline .*)$", re.MULTILINE)


def read_page(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_on_a_page_exists(page: Path):
    text = read_page(page)
    missing = [path for path in PATH.findall(text) if path not in MADE]
    missing = [path for path in missing if not (ROOT / path).exists()]
    broken = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert (missing, broken) == ([], [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_points_out_of_the_repository(page: Path):
    assert "../shared" not in read_page(page)


@pytest.fixture(scope="module")
def flags_by_command() -> dict[str, set[str]]:
    return {
        name: set(iterate_flags(parser)) for name, parser in iterate_commands(build_cli_parser())
    }


def iterate_commands(parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def iterate_flags(parser: ArgumentParser) -> Iterator[str]:
    yield from parser._option_string_actions
    for _, inner in iterate_commands(parser):
        yield from iterate_flags(inner)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_flag_on_a_page_exists(page: Path, flags_by_command: dict[str, set[str]]):
    unknown = []
    for span, line in CODE.findall(read_page(page)):
        words = re.sub(r"^(?:[A-Z_]+=\S+ |[$] )*", "", span or line).split()
        if words[:1] != ["touchline"] or len(words) < 2 or not words[1].islower():
            continue
        flags = [word.partition("=")[0] for word in words if re.match("--[a-z]", word)]
        known = flags_by_command.get(words[1], set())
        unknown += [] if known else [words[1]]
        unknown += [f"{words[1]} {flag}" for flag in flags if flag not in known]
    assert unknown == []


def test_the_index_of_public_names_is_up_to_date():
    spec = importlib.util.spec_from_file_location("write_api", ROOT / "docs" / "write_api.py")
    assert spec and spec.loader
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert writer.build_api_page(ROOT) == read_page(writer.PAGE), "run: make api"
