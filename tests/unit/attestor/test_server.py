"""The attestor's HTTP face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from smartsync.anchors.asking import TOKEN
from smartsync.anchors.documents import decode_attestation, decode_revocation
from smartsync.anchors.parting import Parting
from smartsync.attestor.server import TOKEN_ADVICE, Server
from smartsync.attestor.service import Attestor
from smartsync.errors import (
    AnchorMismatch,
    ConfigError,
    InvalidHeader,
    NodeUnreachable,
    NotDeployed,
    SmartSyncError,
    TransactionReverted,
    WrongChain,
)
from smartsync.listening import Listen, require_token
from tests.fake_source import ANCHOR, SOURCE, FakeSource, block
from tests.unit.attestor.conftest import ACCOUNT, Stage

Get = Callable[..., Awaitable[tuple[int, Any]]]

SECRET = "a-token-of-some-length"


@asynccontextmanager
async def serving(attestor: Attestor, token: str | None = None, fresh_s: float = 0.0) -> AsyncIterator[Get]:
    server = Server(attestor, token=token, version="1.2.3", fresh_s=fresh_s)
    async with TestClient(TestServer(server.application())) as client:

        async def get(path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
            async with client.request(method, path, headers=headers) as response:
                assert response.content_type == "application/json"
                return response.status, await response.json()

        yield get


async def test_status_tells_everything_that_is_no_secret(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes)) as get:
        assert await get("/v1/status") == (
            200,
            {
                "signer": ACCOUNT.address,
                "anchor": ANCHOR,
                "target_chain_id": 31337,
                "source_chain_id": 1,
                "source_genesis_hash": "0x" + SOURCE[1].hex(),
                "follow": "finalized",
                "state": "ok",
                "reason": "",
                "hint": "",
                "newest": {"number": 90, "hash": "0x" + block(90).hash.hex()},
                "version": "1.2.3",
            },
        )
        nodes[0].away = True
        status, told = await get("/v1/status")
        assert (status, told["state"], told["reason"], told["newest"]) == (
            200,
            "waiting",
            "one.example: no answer",
            None,
        )


async def test_attestations_latest_and_numbered_can_be_checked(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes, follow=3)) as get:
        for path, number in (("latest", 97), ("97", 97), ("12", 12), ("0", 0)):
            status, told = await get(f"/v1/attestations/{path}")
            assert status == 200, told
            statement, signed = decode_attestation(stage.terms, told)
            assert (statement.number, statement.block_hash) == (number, block(number).hash)
            assert signed.signer == ACCOUNT.address


async def test_revocation_can_be_checked(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(nodes[0])) as get:
        assert (await get("/v1/revocation"))[0] == 404
        stage.partings = {"one.example": Parting(b"\x55" * 32, 88, ())}
        status, told = await get("/v1/revocation")
        assert status == 200
        assert decode_revocation(stage.terms, told)[0].head == b"\x55" * 32


async def test_errors_have_their_status_and_fields(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes, follow=3)) as get:
        status, told = await get("/v1/attestations/98")
        assert (status, told["error"], told["retryable"]) == (404, "NotAttestable", True)

        await get("/v1/attestations/97")
        for node in nodes:
            node.branch, node.forks_at = "other", 95
        status, told = await get("/v1/attestations/97")
        assert (status, told["error"]) == (409, "AlreadySigned")
        assert "exit_code" not in told and "newer block" in told["hint"]
        assert (told["signed"], told["refused"]) == tuple("0x" + block(97, name).hash.hex() for name in ("", "other"))

        nodes[0].branch = ""
        status, told = await get("/v1/attestations/97")
        assert (status, told["error"]) == (503, "NodesDisagree")
        nodes[0].away = True
        status, told = await get("/v1/attestations/latest")
        assert (status, told["error"]) == (503, "NodeUnreachable")


@pytest.mark.parametrize("error", [
    ConfigError("one.example does not know which block is finalized"), WrongChain("source", "one.example", 1, 2),
    InvalidHeader("asked for block 7"), NotDeployed("there is no anchor"), AnchorMismatch("another genesis block"),
    NodeUnreachable("no answer"),
])  # fmt: skip
async def test_what_a_node_causes_answers_503(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch, error: SmartSyncError
) -> None:
    async def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("smartsync.attestor.service.require_chain", failing)
    async with serving(stage.attestor(*nodes)) as get:
        for path in ("/v1/attestations/latest", "/v1/attestations/7", "/v1/revocation"):
            status, told = await get(path)
            assert (status, told["error"]) == (503, type(error).__name__)


async def test_what_is_not_foreseen_answers_500(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> None:
        raise TransactionReverted("Unforeseen()")

    monkeypatch.setattr("smartsync.attestor.service.quorum_terms", failing)
    async with serving(stage.attestor(*nodes)) as get:
        assert (await get("/v1/attestations/latest"))[0] == 500


async def test_stopped_attestor_answers_503(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes)) as get:
        await get("/v1/attestations/latest")
        for node in nodes:
            node.branch, node.forks_at = "other", 80
        for path in ("/v1/attestations/latest", "/v1/attestations/7", "/v1/revocation"):
            status, told = await get(path)
            assert (status, told["error"], told["retryable"]) == (503, "AttestorStopped", False)
        assert (await get("/v1/status"))[1]["state"] == "stopped"


@pytest.mark.parametrize("number", ["-1", "0x10", "1e3", "²", "18446744073709551616", "9" * 5000, "<b>"])
async def test_attestations_what_is_no_number_refused_and_not_repeated(
    stage: Stage, nodes: Sequence[FakeSource], number: str
) -> None:
    async with serving(stage.attestor(*nodes)) as get:
        status, told = await get(f"/v1/attestations/{number}")
        assert (status, told["error"]) == (400, "BadNumber")
        assert number not in told["message"]
    assert not nodes[0].asked


@pytest.mark.parametrize(("method", "path", "status"), [
    ("POST", "/v1/status", 405), ("DELETE", "/v1/status", 405), ("POST", "/", 405), ("GET", "/v1/keys", 404),
])  # fmt: skip
async def test_anything_else_is_not_served(
    stage: Stage, nodes: Sequence[FakeSource], method: str, path: str, status: int
) -> None:
    async with serving(stage.attestor(*nodes)) as get:
        answered, told = await get(path, method)
        assert (answered, told["error"]) == (status, "NotServed")
        assert told["hint"] == "GET / lists what is served; GET only" and "exit_code" not in told


async def test_index_lists_what_is_served(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes)) as get:
        status, told = await get("/")
        assert (status, told["version"]) == (200, "1.2.3")
        for path in told["paths"]:
            assert (await get(path.replace("{number}", "7")))[0] == (404 if path == "/v1/revocation" else 200)
    assert len(told["paths"]) == 4


async def test_unexpected_failure_tells_nothing_of_itself(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "".join(reversed("terces"))  # the log shows lines of code, so it must not stand in one

    def crash(*_: object) -> None:
        raise RuntimeError(f"http://node.example/{secret}")

    attestor = stage.attestor(*nodes)
    monkeypatch.setattr("smartsync.attestor.service.sign", crash)
    async with serving(attestor) as get:
        status, told = await get("/v1/attestations/latest")
        assert (status, told["error"]) == (500, "UnexpectedError")
        assert secret not in str(told)
    assert "unexpected RuntimeError" in caplog.text
    assert f"/{secret}" not in caplog.text


# --- tokens ---


@pytest.mark.parametrize("shown", [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"},
    {"Authorization": SECRET}, {"Authorization": f"Basic {SECRET}"}, {"Authorization": f"Bearer {SECRET}x"},
    {"Authorization": "Bearer \xff"},
])  # fmt: skip
async def test_token_missing_or_wrong_refused_everywhere(
    stage: Stage, nodes: Sequence[FakeSource], shown: dict[str, str]
) -> None:
    async with serving(stage.attestor(*nodes), SECRET) as get:
        for path in ("/v1/status", "/v1/attestations/latest", "/v1/attestations/x", "/v1/revocation", "/elsewhere"):
            status, told = await get(path, **shown)
            assert (status, told["error"]) == (401, "Unauthorized")
            assert "Authorization: Bearer TOKEN" in told["hint"] and TOKEN in told["hint"]
    assert not nodes[0].asked


async def test_token_right_served(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(*nodes), SECRET) as get:
        for scheme in ("Bearer", "bearer"):
            assert (await get("/v1/status", Authorization=f"{scheme} {SECRET}"))[0] == 200


# --- strangers who ask often ---


async def test_many_requests_ask_the_nodes_once(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(nodes[0]), fresh_s=60) as get:
        for path in ("/v1/status", "/v1/attestations/latest", "/v1/attestations/7"):
            await get(path)
        before = len(nodes[0].asked)
        for path in ("/v1/status", "/v1/attestations/latest", "/v1/attestations/7", "/v1/attestations/91"):
            for _ in range(20):
                await get(path)
    assert len(nodes[0].asked) == before


async def test_many_heights_refused_but_not_the_latest(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    async with serving(stage.attestor(nodes[0]), fresh_s=60) as get:
        answered = [(await get(f"/v1/attestations/{number}"))[0] for number in range(60)]
        assert answered[:30] == [200] * 30
        assert 429 in answered
        # The newest is always to be had, by its number too, as relayers ask for it.
        assert (await get("/v1/attestations/latest"))[0] == 200
        assert (await get("/v1/attestations/90"))[0] == 200
        assert (await get("/v1/attestations/0"))[0] == 200
        status, told = await get("/v1/attestations/80")
    assert (status, told["retryable"]) == (429, True)


# --- its token ---


def test_require_token_missing_says_to_whom_to_give_it_and_how_to_do_without() -> None:
    with pytest.raises(ConfigError, match=TOKEN) as caught:
        require_token(Listen("0.0.0.0", 8650), {}, TOKEN, TOKEN_ADVICE)  # noqa: S104
    assert "give it to your relayers" in caught.value.hint
    assert "--listen 127.0.0.1:8650" in caught.value.hint


async def test_status_of_attestor_whose_node_hangs_is_answered(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("smartsync.attestor.server._STATUS_WITHIN_S", 0.05)
    nodes[0].header = hang  # type: ignore[method-assign,assignment]
    async with serving(stage.attestor(*nodes)) as get:
        status, told = await get("/v1/status")
    assert (status, told["state"], told["reason"]) == (200, "waiting", "a node takes longer than 0.05 s to answer")
