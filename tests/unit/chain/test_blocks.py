from __future__ import annotations

import pytest

from smartsync.chain.blocks import Block, block_hash, block_name, block_tag
from smartsync.errors import ConfigError

HASH = b"\x11" * 32


@pytest.mark.parametrize(
    ("block", "tag", "name"),
    [
        (0, "0x0", "0"),
        (255, "0xff", "255"),
        ("finalized", "finalized", "finalized"),
        (HASH, {"blockHash": f"0x{HASH.hex()}"}, f"0x{HASH.hex()}"),
        (f"0x{HASH.hex()}", {"blockHash": f"0x{HASH.hex()}"}, f"0x{HASH.hex()}"),
        (HASH.hex(), {"blockHash": f"0x{HASH.hex()}"}, HASH.hex()),
    ],
)
def test_block_by_every_name_has_a_tag_and_a_name(block: Block, tag: object, name: str) -> None:
    assert (block_tag(block), block_name(block)) == (tag, name)


@pytest.mark.parametrize("block", [-1, "newest", "0x12", "0x" + "zz" * 32, b"\x11" * 31, HASH + b"\x11"])
def test_block_tag_of_no_block_is_a_config_error(block: Block) -> None:
    with pytest.raises(ConfigError, match="not a block") as caught:
        block_tag(block)
    assert "finalized" in caught.value.hint


@pytest.mark.parametrize("block", [7, "latest"])
def test_block_hash_of_a_number_or_a_word_is_a_config_error(block: Block) -> None:
    with pytest.raises(ConfigError, match="not a block"):
        block_hash(block)
