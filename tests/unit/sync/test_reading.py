from __future__ import annotations

from typing import Any

import pytest

from smartsync import SmartSync
from smartsync.errors import NotDeployed

HUB = "0x" + "11" * 20


async def test_replicas_of_an_address_that_is_no_hub_is_an_error_and_not_an_empty_list(node: Any) -> None:
    node.override["eth_call"] = lambda *_: "0x"
    client = SmartSync(node.chain, node.chain, hub=HUB, account=None)
    with pytest.raises(NotDeployed, match=f"there is no hub at {HUB} on the") as caught:
        await client.replicas()
    assert "check the address" in caught.value.hint
