"""How help pages are laid out: paragraphs as wide as the terminal, and types only where they say something."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperCommand, TyperGroup


def paragraphs(docstring: str | None) -> str:
    """Return a docstring with each of its paragraphs in one line, which the terminal then breaks where it ends."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(docstring or "").split("\n\n"))


def _without_types(parameters: list[Any]) -> list[Any]:
    # typer writes <bool> behind a switch and <str> behind an argument, whose help says what it is.
    for parameter in parameters:
        if parameter.param_type_name == "argument" or parameter.is_flag:
            parameter.display_type_rich = lambda ctx: None
    return parameters


class Command(TyperCommand):
    """A command whose help page shows no types of switches and arguments."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return what can be given."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands, likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return what can be given."""
        return _without_types(super().get_params(ctx))
