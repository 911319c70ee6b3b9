"""The compose file: it is one, all that it names is there, nothing in it is secret or open to strangers."""

from __future__ import annotations

import copy
import ipaddress
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from smartsync.environment import SUFFIX
from smartsync.relayer import variables
from smartsync.relayer.accounts import unlock
from smartsync.relayer.configuration import read_configuration
from tests.deployed import DEPLOY, EXAMPLE, compose, image_environment

SERVICES = compose()["services"]
RELAYERS = ("relayer", "worker")


def validated(content: dict[str, Any]) -> None:
    PyCompose.from_yaml(yaml.safe_dump(content, sort_keys=False)).validate()


def test_compose_file_is_one() -> None:
    validated(compose())
    assert set(SERVICES) == {*RELAYERS, "postgres", "prometheus", "grafana"}


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [("relayer", "readonly", True), ("relayer", "stop_grace_period", "soon"), ("postgres", "secrets", ["absent"])],
)
def test_compose_file_that_is_none_refused(service: str, key: str, value: object) -> None:
    wrong = copy.deepcopy(compose())
    wrong["services"][service][key] = value
    with pytest.raises(ValueError, match=key if key != "secrets" else "absent"):
        validated(wrong)


def test_compose_ports_are_of_this_machine_only() -> None:
    published = {}
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            host, _, rest = port.partition(":")
            assert ipaddress.ip_address(host).is_loopback, port
            published[name] = rest
    assert published == {"relayer": "8600:8600", "prometheus": "9090:9090", "grafana": "3000:3000"}
    assert image_environment()[variables.LISTEN].endswith(":8600")


def test_compose_database_reaches_nobody_and_is_reached_from_inside_only() -> None:
    assert SERVICES["postgres"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_compose_images_have_a_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "smartsync" if name in RELAYERS else image.rpartition(":")[2][1:2].isalnum()
    assert not image.endswith(":latest")


def test_compose_secrets_are_files_outside_the_repository() -> None:
    declared = compose()["secrets"]
    assert {mount for service in SERVICES.values() for mount in service.get("secrets", [])} == set(declared)
    for name, secret in declared.items():
        assert secret == {"file": f"secrets/{name}"}
    assert {"/secrets/", "/config/"} <= set((DEPLOY / ".gitignore").read_text().split())
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert not (
                any(word in variable for word in ("PASSWORD", "TOKEN", "KEY", "URLS")) and "FILE" not in variable
            )
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], variable


def test_compose_mounts_are_there_or_made_by_the_operator() -> None:
    named = compose()["volumes"]
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source, _, target = mount.partition(":")
            if source == "./config":
                continue
            if not source.startswith("."):
                assert source in named
                continue
            assert target.endswith(":ro")
            assert (DEPLOY / source).exists(), source


def test_compose_relayers_are_the_same_and_may_write_nowhere() -> None:
    relayer, worker = SERVICES["relayer"], SERVICES["worker"]
    own = {"build", "ports", "depends_on", "scale"}
    assert {key: relayer.get(key) for key in relayer.keys() - own} == {
        key: worker.get(key) for key in worker.keys() - own
    }
    assert relayer["read_only"] and relayer["init"] and relayer["cap_drop"] == ["ALL"]
    assert "container_name" not in worker and "ports" not in worker, "there may be several"


def test_compose_variables_are_those_that_the_relayer_reads(tmp_path: Path) -> None:
    """As the operator has it: the example, and each secret in its file."""
    secrets = {
        "postgres-password": "a p@ssword",
        "relayer-token": "0123456789abcdef",
        "key-main": "11" * 32,
        "chain-mainnet-urls": "https://a.example/key",
        "chain-base-urls": "https://b.example/key",
    }
    assert list(secrets) == SERVICES["relayer"]["secrets"]
    for name, content in secrets.items():
        (tmp_path / name).write_text(content + "\n")
    environ = image_environment() | {
        name: value.replace("/run/secrets", str(tmp_path)) for name, value in SERVICES["relayer"]["environment"].items()
    }
    found = read_configuration(environ, EXAMPLE)
    assert found.relayer.state.shown == "postgresql://smartsync@postgres/smartsync"
    assert found.relayer.state.url == "postgresql://smartsync:a%20p%40ssword@postgres/smartsync"
    assert found.token == secrets["relayer-token"]
    assert found.chains["base"].urls == ("https://b.example/key",)
    assert list(unlock(found.keys, environ)) == ["main"]
    known = {
        variables.STATE_URL,
        variables.PGPASSWORD,
        variables.TOKEN,
        *map(variables.key_variable, found.keys),
        *map(variables.urls_variable, found.chains),
    }
    assert {name.removesuffix(SUFFIX) for name in SERVICES["relayer"]["environment"]} == known


def test_compose_stop_takes_longer_than_a_transaction() -> None:
    assert SERVICES["relayer"]["stop_grace_period"] == "150s"


def test_compose_grafana_finds_prometheus_and_the_dashboard() -> None:
    provisioning = DEPLOY / "grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards/smartsync.yaml").read_text())["providers"]
    targets = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/smartsync.json" in targets
    assert "/etc/grafana/provisioning" in targets


def test_compose_prometheus_finds_every_relayer_and_shows_its_token() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert found["names"] == list(RELAYERS)
    assert image_environment()[variables.LISTEN].endswith(f":{found['port']}")
    assert job["authorization"]["credentials_file"] in {
        f"/run/secrets/{name}" for name in SERVICES["prometheus"]["secrets"]
    }
    assert set(SERVICES["prometheus"]["networks"]) & set(SERVICES["worker"]["networks"])
