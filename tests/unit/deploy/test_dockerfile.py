"""The image: what it holds, as whom it runs, and how it is ended. `tests/acceptance/test_image.py` builds it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from smartsync.relayer import variables
from smartsync.relayer.configuration import read_configuration
from tests.deployed import DOCKERFILE, EXAMPLE, ROOT, Step, compose, dockerfile_stages, image_environment

STAGES = dockerfile_stages()
FINAL = {step.word: step.rest for step in STAGES[-1]}


def test_dockerfile_both_stages_are_of_the_python_that_the_lock_is_of() -> None:
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.M)
    assert [step.rest for stage in STAGES for step in stage if step.word == "FROM"] == [
        "${PYTHON_IMAGE} AS build",
        "${PYTHON_IMAGE}",
    ]
    (version,) = re.findall(r"^python:(\d\.\d+)-slim-", image)
    for lock in ("relayer.txt", "build.txt"):
        assert f"pip-compile with Python {version}\n" in (ROOT / "requirements" / lock).read_text()


def test_dockerfile_installs_by_hash_and_compiles_nothing() -> None:
    installs = re.findall(r"pip install [^&]*", " && ".join(step.rest for step in STAGES[0]))
    assert len(installs) == 3
    for install in installs:
        assert ("--require-hashes" in install and "--only-binary :all:" in install) or install.startswith(
            "pip install --no-deps /build/dist/"
        )


def test_dockerfile_copies_only_what_is_sent_and_there() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    copied = {source for step in STAGES[0] if step.word == "COPY" for source in shlex.split(step.rest)[:-1]}
    assert sent == copied
    assert all((ROOT / path).exists() for path in copied)


def test_dockerfile_runs_as_nobody_of_importance_and_is_ended_by_a_signal_to_itself() -> None:
    assert FINAL["USER"] == "10001:10001"
    words = [step.word for step in STAGES[-1]]
    assert "RUN" not in words[words.index("USER") :]
    assert (json.loads(FINAL["ENTRYPOINT"]), json.loads(FINAL["CMD"])) == (["smartsync"], ["run"])
    assert FINAL["STOPSIGNAL"] == "SIGTERM"
    assert FINAL["VOLUME"] == FINAL["WORKDIR"] == "/var/lib/smartsync"


def test_dockerfile_checks_health_where_it_listens() -> None:
    listen = image_environment()["SMARTSYNC_RELAYER_LISTEN"]
    port = listen.rpartition(":")[2]
    assert FINAL["EXPOSE"] == port
    (_, _, rest) = FINAL["HEALTHCHECK"].partition("CMD ")
    program, option, code = json.loads(rest)
    assert (program, option) == ("python", "-c")
    assert f"http://127.0.0.1:{port}/healthz" in code
    compile(code, "healthcheck", "exec")


def test_dockerfile_settings_are_taken(tmp_path: Path) -> None:
    given = {name: value for name, value in image_environment().items() if name.startswith("SMARTSYNC_")}
    assert set(given) == {"SMARTSYNC_RELAYER_CONFIG", variables.LISTEN, variables.STATE_URL}
    secret = {
        variables.TOKEN: "x" * 32,
        variables.urls_variable("mainnet"): "https://a.example",
        variables.urls_variable("base"): "https://b.example",
    }
    found = read_configuration(given | secret, EXAMPLE)
    assert found.relayer.state.url == f"sqlite:///{FINAL['VOLUME']}/state.db"
    assert not found.relayer.listen.is_loopback


@pytest.mark.parametrize("name", ["relayer", "worker"])
def test_dockerfile_settings_are_those_that_compose_expects(name: str) -> None:
    service = compose()["services"][name]
    (folder,) = [mount.split(":")[1] for mount in service["volumes"]]
    assert image_environment()["SMARTSYNC_RELAYER_CONFIG"] == f"{folder}/relayer.toml"


def test_dockerfile_stages_are_read_as_they_stand() -> None:
    assert STAGES[0][0] == Step("FROM", "${PYTHON_IMAGE} AS build")
    assert {step.word for stage in STAGES for step in stage} == {
        *("FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL"),
        *("ENTRYPOINT", "CMD"),
    }
