from __future__ import annotations

from typing import Any

import pytest

from tests.fake_anchor import FakeAnchor


@pytest.fixture
def node(fake: Any) -> Any:
    return fake({0: 1})


@pytest.fixture
def anchor(node: Any) -> FakeAnchor:
    """The node answers as an anchor that has accepted block 7."""
    made = FakeAnchor(0x539, node.header(0).hash, blocks={node.header(7).hash: (7, "final")})
    node.override["eth_call"] = made
    return made
