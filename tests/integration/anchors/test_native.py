"""Anchors that take hashes from the chain that they are on: with one anvil as source and target, and on a rollup."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from smartsync import SmartSync
from smartsync.anchors.deploying import BlockhashCharter, L1BlockCharter
from smartsync.anchors.native import L1_BLOCK
from smartsync.errors import BlockNotAccepted, BlockNotProvable, BlockUnavailable, ConfigError
from smartsync.submit import Sender
from smartsync.testing import Node, anvil_node
from tests.integration.anchors.parties import connected, sent
from tests.integration.world import OUT, creation_code, encode
from tests.lying_proxy import LyingProxy, lying

HISTORY_BLOCKS = 8_191


@pytest.fixture(scope="module")
def chain() -> Iterator[Node]:
    with anvil_node(chain_id=31361) as node:
        yield node


@pytest.fixture(scope="module")
def rollup() -> Iterator[Node]:
    """Give an anvil with the predeploy of the OP-stack, whose slots a test writes as the rollup's node does."""
    built = json.loads((OUT / "L1BlockStandIn.sol" / "L1BlockStandIn.json").read_text())
    with anvil_node(chain_id=31362) as node:
        node.request("anvil_setCode", [L1_BLOCK, built["deployedBytecode"]["object"]])
        yield node


def mine(node: Node, count: int = 1) -> int:
    """Mine blocks and return the newest number."""
    while count:
        # In one call they take anvil longer than a client waits.
        piece = min(count, 512)
        node.request("anvil_mine", [hex(piece)])
        count -= piece
    return int(node.request("eth_blockNumber"), 16)


def tell(rollup: Node, l1: Node, number: int) -> bytes:
    """Have the rollup derived from this L1 block, and return its hash."""
    block = l1.request("eth_getBlockByNumber", [hex(number), False])
    packed = int(block["timestamp"], 16) << 64 | number
    rollup.request("anvil_setStorageAt", [L1_BLOCK, "0x" + bytes(32).hex(), "0x" + packed.to_bytes(32, "big").hex()])
    rollup.request("anvil_setStorageAt", [L1_BLOCK, "0x" + (2).to_bytes(32, "big").hex(), block["hash"]])
    rollup.request("evm_mine")
    return bytes.fromhex(block["hash"][2:])


def l1_mine(node: Node) -> int:
    node.request("evm_mine")
    return int(node.request("eth_blockNumber"), 16)


async def test_replica_on_the_sources_own_chain(chain: Node) -> None:
    async with connected(chain.url, chain) as client:
        owner = Sender(client.source, chain.accounts[2], poll_s=0.05)
        sample = (await owner.send(None, creation_code("Sample"), what="sample")).contract_address or ""
        await owner.send(sample, encode("set(uint256,uint256)", 1, 41), what="set")
        await client.deploy(signers=[chain.accounts[1].address], threshold=1)
        anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
        older = mine(chain)
        accepted = await client.update_anchor(anchor)
        assert accepted.level == "final" and accepted.block_number >= older - 1
        replica = (await client.fork(sample, anchor=anchor)).replica
        assert replica != sample
        await owner.send(sample, encode("set(uint256,uint256)", 1, 42), what="set")
        mine(chain)
        synced = await client.update_anchor(anchor)
        await client.sync(replica)
        compared = await client.call(replica, "values(uint256)(uint256)", [1])
        assert compared.agree and compared.replica.values == (42,)
        assert (await client.verify(replica)).exact
        assert (await client.status(replica)).block_number == synced.block_number


async def test_update_own_newest_and_later_block_refused_for_now(chain: Node) -> None:
    async with connected(chain.url, chain) as client:
        anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
        newest = mine(chain)
        before = sent(chain)
        with pytest.raises(BlockNotProvable, match="only from the next one on") as caught:
            await client.update_anchor(anchor, block=newest)
        assert caught.value.hint == f"wait until block {newest + 1} is there"
        with pytest.raises(BlockUnavailable):
            await client.update_anchor(anchor, block=newest + 7)
        assert sent(chain) == before
        mine(chain)
        assert (await client.update_anchor(anchor, block=newest)).block_number == newest
        assert (await client.update_anchor(anchor, block=newest)).steps == ()


async def test_update_block_that_the_chain_forgot_refused_by_name_kept_and_extended_to() -> None:
    with anvil_node(chain_id=31363) as node:
        async with connected(node.url, node) as client:
            anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
            kept = mine(node, 320) - 1
            result = await client.keep_hash(anchor, block=kept)
            assert result.block_number == kept and result.block_hash == (await client.source.header(kept)).hash
            newest = mine(node, HISTORY_BLOCKS + 8)
            oldest = newest + 1 - HISTORY_BLOCKS
            for refused in (oldest - 1, kept - 1):
                before = sent(node)
                with pytest.raises(BlockNotProvable, match=f"block {refused} is too old") as caught:
                    await client.update_anchor(anchor, block=refused)
                assert f"extend --down-to {refused}" in caught.value.hint
                with pytest.raises(BlockNotProvable, match="too old"):
                    await client.keep_hash(anchor, block=refused)
                assert sent(node) == before
            # Whose hash was kept can be proven however old it is; and the oldest that is known just so.
            assert (await client.update_anchor(anchor, block=oldest)).level == "final"
            assert (await client.update_anchor(anchor, block=kept)).level == "final"
            # Below the lowest accepted one, by its parents: more than one transaction takes.
            with pytest.raises(BlockNotAccepted, match="accepts no block above"):
                await client.extend_ancestors(anchor, oldest + 1)
            assert kept < oldest
            steps = (await client.extend_ancestors(anchor, kept - 300)).steps
            assert 2 <= len(steps) <= 3
            assert (await client.update_anchor(anchor, block=kept - 300)).steps == ()
            assert (await client.update_anchor(anchor, block=kept - 150)).steps == ()


async def test_extend_ancestors_interrupted_goes_on(chain: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(chain.url, chain) as client:
        anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
        goal = mine(chain, 10)
        mine(chain, 300)
        await client.update_anchor(anchor)
        sender = client._sender
        assert sender is not None
        send, calls = sender.send, list[str]()

        async def once(to: str | None, data: bytes, *, what: str) -> object:
            if calls:
                raise KeyboardInterrupt
            calls.append(what)
            return await send(to, data, what=what)

        monkeypatch.setattr(sender, "send", once)
        with pytest.raises(KeyboardInterrupt):
            await client.extend_ancestors(anchor, goal)
        monkeypatch.undo()
        before = sent(chain)
        again = await client.extend_ancestors(anchor, goal)
        assert 1 <= len(again.steps) == sent(chain) - before <= 2
        assert calls[0] not in [step.what for step in again.steps]
        # Full, as far as the cap on a transaction's gas lets them be with a margin.
        assert again.steps[0].gas_used > 11_000_000
        assert (await client.update_anchor(anchor, block=goal)).steps == ()


async def test_update_source_node_of_another_fork_refused(chain: Node) -> None:
    with lying(chain.url) as proxy:
        async with connected(proxy.url, chain) as client:
            anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
            number = mine(chain, 3) - 2
            _fork(proxy, number)
            with pytest.raises(BlockNotProvable, match=f"as the hash of block {number}") as caught:
                await client.update_anchor(anchor, block=number)
            assert "another fork" in caught.value.hint


def _fork(proxy: LyingProxy, number: int) -> None:
    """Have the node tell the block before as the one of this number, with its true hash: a consistent lie."""
    from smartsync import rlp
    from smartsync.header import header_from_rpc
    from smartsync.keccak import keccak256

    def told(params: list[object], result: dict[str, str]) -> dict[str, str]:
        if params[0] != hex(number):
            return result
        fields = list(header_from_rpc(result).fields)
        fields[3] = bytes(32)
        return result | {"stateRoot": "0x" + bytes(32).hex(), "hash": "0x" + keccak256(rlp.encode(fields)).hex()}

    proxy.lies["eth_getBlockByNumber"] = told


async def test_deploy_blockhash_for_another_chain_refused(chain: Node, hardhat: Node) -> None:
    before = sent(chain)
    async with connected(hardhat.url, chain) as client:
        with pytest.raises(ConfigError, match="on the source's own chain"):
            await client.deploy_anchor(BlockhashCharter())
    assert sent(chain) == before


async def test_update_without_history_contract_remembers_256_blocks() -> None:
    with anvil_node(chain_id=31364, hardfork="cancun", tx_gas_limit=False) as node:
        async with connected(node.url, node) as client:
            anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
            newest = mine(node, 300)
            with pytest.raises(BlockNotProvable, match=r"its last 256 blocks"):
                await client.update_anchor(anchor, block=newest - 256)
            assert (await client.update_anchor(anchor, block=newest - 255)).level == "final"


async def test_l1block_follows_an_l1_that_goes_on(rollup: Node, hardhat: Node) -> None:
    first = tell(rollup, hardhat, l1_mine(hardhat))
    async with connected(hardhat.url, rollup) as client:
        anchor = (await client.deploy_anchor(L1BlockCharter())).anchor
        result = await client.update_anchor(anchor)
        assert result.block_hash == first and result.level == "final"
        assert [step.what.split()[0] for step in result.steps] == ["keep", "prove"]
        assert (await client.update_anchor(anchor)).steps == ()
        report = await client.describe_anchor(anchor)
        assert (report.kind, report.terms["l1_number"]) == ("op-l1block/1", result.block_number)

        # Kept in time, and the rollup is a block further when the header comes.
        number = l1_mine(hardhat)
        block_hash = tell(rollup, hardhat, number)
        kept = await client.keep_hash(anchor)
        assert (kept.block_number, kept.block_hash) == (number, block_hash)
        newest = l1_mine(hardhat)
        tell(rollup, hardhat, newest)
        late = await client.update_anchor(anchor, block=number)
        assert (late.block_hash, len(late.steps)) == (block_hash, 1)

        # What was missed is reached from a later one.
        missed = l1_mine(hardhat)
        tell(rollup, hardhat, l1_mine(hardhat))
        with pytest.raises(BlockNotProvable, match=f"and not block {missed}") as caught:
            await client.update_anchor(anchor, block=missed)
        assert f"extend --down-to {missed}" in caught.value.hint
        await client.update_anchor(anchor)
        assert len((await client.extend_ancestors(anchor, missed)).steps) == 1

        ahead = l1_mine(hardhat)
        with pytest.raises(BlockNotProvable, match="and not block") as caught:
            await client.update_anchor(anchor, block=ahead)
        assert "wait until the rollup" in caught.value.hint
        with pytest.raises(ConfigError, match="newest L1 block only"):
            await client.keep_hash(anchor, block=ahead)


async def test_l1block_l1_advances_between_keep_and_update(
    rollup: Node, ganache: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was kept is proven, whatever the rollup tells of by then."""
    tell(rollup, ganache, l1_mine(ganache))
    async with connected(ganache.url, rollup) as client:
        anchor = (await client.deploy_anchor(L1BlockCharter())).anchor
        number = l1_mine(ganache)
        expected = tell(rollup, ganache, number)
        _advance_after_first(client, monkeypatch, lambda: tell(rollup, ganache, l1_mine(ganache)))
        result = await client.update_anchor(anchor)
        assert (result.block_number, result.block_hash, len(result.steps)) == (number, expected, 2)


def _advance_after_first(client: SmartSync, monkeypatch: pytest.MonkeyPatch, advance: object) -> None:
    sender = client._sender
    assert sender is not None
    send = sender.send

    async def then(to: str | None, data: bytes, *, what: str) -> object:
        receipt = await send(to, data, what=what)
        if what.startswith("keep"):
            advance()  # type: ignore[operator]  # a callback
        return receipt

    monkeypatch.setattr(sender, "send", then)


async def test_l1block_node_that_lacks_the_kept_block_says_how_to_go_on(rollup: Node, ganache: Node) -> None:
    tell(rollup, ganache, l1_mine(ganache))
    with lying(ganache.url) as proxy:
        async with connected(proxy.url, rollup) as client:
            anchor = (await client.deploy_anchor(L1BlockCharter())).anchor
            number = l1_mine(ganache)
            tell(rollup, ganache, number)
            proxy.results["eth_getBlockByHash"] = lambda _: None
            with pytest.raises(BlockUnavailable) as caught:
                await client.update_anchor(anchor)
            assert f"go on with --block {number}" in caught.value.hint
            del proxy.results["eth_getBlockByHash"]
            tell(rollup, ganache, l1_mine(ganache))
            assert len((await client.update_anchor(anchor, block=number)).steps) == 1


async def test_deploy_l1block_without_predeploy_or_of_another_l1_refused(
    chain: Node, rollup: Node, hardhat: Node, ganache: Node
) -> None:
    async with connected(hardhat.url, chain) as client:
        with pytest.raises(ConfigError, match="it is no OP-stack rollup"):
            await client.deploy_anchor(L1BlockCharter())
    tell(rollup, ganache, l1_mine(ganache))
    before = sent(rollup)
    async with connected(hardhat.url, rollup) as client:
        with pytest.raises(ConfigError, match="which the rollup calls its L1's block"):
            await client.deploy_anchor(L1BlockCharter())
    assert sent(rollup) == before
