"""The files of `deploy/`, read: the Dockerfile's steps, the unit's settings, the compose file's services."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
COMPOSE = DEPLOY / "compose.yaml"
UNIT = DEPLOY / "smartsync-relayer.service"
EXAMPLE = DEPLOY / "relayer.example.toml"


class Step(NamedTuple):
    """An instruction of a Dockerfile, on one line."""

    word: str
    rest: str


def dockerfile_stages() -> list[list[Step]]:
    """Return the instructions of each stage, from its FROM on; what stands before the first one is left out."""
    text = "".join(line for line in DOCKERFILE.read_text().splitlines(keepends=True) if not line.startswith("#"))
    stages: list[list[Step]] = []
    for line in filter(None, map(str.strip, text.replace("\\\n", " ").splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(Step(word, " ".join(rest.split())))
    return stages


def image_environment() -> dict[str, str]:
    """Return the variables that the image sets."""
    (rest,) = [step.rest for step in dockerfile_stages()[-1] if step.word == "ENV"]
    return dict(pair.split("=", 1) for pair in rest.split())


def compose() -> dict[str, Any]:
    """Return the compose file with its anchors and merges resolved, as docker compose reads it."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return content


def unit() -> dict[str, list[str]]:
    """Return the settings of the unit's [Service], each with its values in order."""
    settings: dict[str, list[str]] = {}
    _, _, service = UNIT.read_text().partition("[Service]\n")
    for line in service.partition("[Install]\n")[0].splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def unit_environment() -> dict[str, str]:
    """Return the variables that the unit sets."""
    return dict(value.split("=", 1) for value in unit()["Environment"])
