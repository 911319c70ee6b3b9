"""`deploy/relayer.example.toml` is a configuration, and has what an operator has to know first."""

from __future__ import annotations

import pytest

from smartsync.errors import ConfigError
from smartsync.relayer import variables
from smartsync.relayer.configuration import read_configuration
from tests.deployed import EXAMPLE

ENVIRON = {
    "SMARTSYNC_CHAIN_MAINNET_URLS": "https://a.example/key",
    "SMARTSYNC_CHAIN_BASE_URLS": "https://b.example/key",
}


def test_example_is_taken() -> None:
    found = read_configuration(ENVIRON, EXAMPLE)
    assert [replica.name for replica in found.replicas] == ["ENS registry", "price feed"]
    assert found.relayer.listen.is_loopback


def test_example_without_its_variables_names_them() -> None:
    with pytest.raises(ConfigError) as caught:
        read_configuration({}, EXAMPLE)
    for name in ENVIRON:
        assert name in caught.value.message


def test_example_names_each_variable_that_it_needs() -> None:
    text = EXAMPLE.read_text()
    for name in (*ENVIRON, variables.key_variable("main"), variables.STATE_URL):
        assert name in text
