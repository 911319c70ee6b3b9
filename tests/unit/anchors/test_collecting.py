"""Collecting signatures from attestors over HTTP, of whom some lie, each in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from eth_account import Account

from smartsync.anchors.attestation import (
    REVOCATION_S,
    AttestedLevel,
    BlockAttestation,
    QuorumTerms,
    encode_evidence,
    revocation_of,
    sign,
)
from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.documents import encode_signed
from smartsync.anchors.parting import Parting
from smartsync.errors import ConfigError, Equivocation, TooFewSignatures
from tests.fake_source import FakeSource, block, terms

ACCOUNTS = [Account.from_key("0x" + f"{number:02x}" * 32) for number in (1, 2, 3, 4)]
STRANGER = ACCOUNTS[3]
TERMS = terms(*(account.address for account in ACCOUNTS[:3]), threshold=2)
NOW = 1_800_000_001
PARTING = Parting(b"\x55" * 32, 88, ())

Answer = Callable[[str], Awaitable[web.StreamResponse]]


@dataclass
class FakeAttestor:
    """An honest one, unless a test changes what it is or puts ``answer`` in the place of all that it says."""

    account: Any
    newest: int = 90
    branch: str = ""
    level: AttestedLevel = "final"
    terms: QuorumTerms = TERMS
    head: bytes = PARTING.head
    clock: int = NOW
    status: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], Any] = lambda told: told
    answer: Answer | None = None
    asked: list[str] = field(default_factory=list)
    shown: list[str | None] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.shown.append(request.headers.get("Authorization"))
        if self.answer is not None:
            return await self.answer(request.path)
        if request.path == "/v1/status":
            return web.json_response(
                {
                    "signer": self.account.address,
                    "anchor": self.terms.anchor,
                    "target_chain_id": self.terms.target_chain_id,
                    "newest": {"number": self.newest, "hash": "0x00"},
                    **self.status,
                }
            )
        if request.path == "/v1/revocation":
            return web.json_response(self._signed(revocation_of(self.terms, self.head, self.clock)))
        number = int(request.path.rpartition("/")[2])
        if number > self.newest:
            return web.json_response({"error": "NotAttestable", "message": f"block {number} is not final"}, status=404)
        epochs = (self.terms.set_epoch, self.terms.canonical_epoch)
        return web.json_response(
            self._signed(BlockAttestation(number, block(number, self.branch).hash, self.level, *epochs))
        )

    def _signed(self, statement: Any) -> Any:
        return self.change(encode_signed(self.terms, statement, sign(self.account, self.terms, statement)))


@asynccontextmanager
async def serving(*attestors: FakeAttestor, **options: Any) -> AsyncIterator[RemoteSigners]:
    """Give the collector of these attestors, each on a port of its own."""
    async with AsyncExitStack() as stack:
        urls = []
        for attestor in attestors:
            application = web.Application()
            application.router.add_get("/{path:.*}", attestor.respond)
            server = await stack.enter_async_context(TestServer(application))
            urls.append(str(server.make_url("/")))
        yield RemoteSigners(urls, **options)


def honest() -> list[FakeAttestor]:
    return [FakeAttestor(account) for account in ACCOUNTS[:3]]


@pytest.fixture
def source() -> FakeSource:
    return FakeSource("source.example")


async def attest(signers: RemoteSigners, source: FakeSource, number: int | str | None = None) -> Any:
    header, level, signed = await signers.attest(source.chain, TERMS, number)
    return header.number, level, {one.signer for one in signed}


def addresses(*places: int) -> set[str]:
    return {ACCOUNTS[place].address for place in places}


# --- what is taken ---


async def test_attest_all_honest_newest_of_all(source: FakeSource) -> None:
    async with serving(*honest()) as signers:
        assert await attest(signers, source) == (90, "final", addresses(0, 1, 2))


async def test_attest_named_block(source: FakeSource) -> None:
    async with serving(*honest()) as signers:
        assert await attest(signers, source, 12) == (12, "final", addresses(0, 1, 2))
        assert await attest(signers, source, "finalized") == (90, "final", addresses(0, 1, 2))


async def test_attest_newest_that_enough_have(source: FakeSource) -> None:
    one, two, three = honest()
    one.newest, two.newest, three.newest = 95, 93, 20
    async with serving(one, two, three) as signers:
        assert await attest(signers, source) == (93, "final", addresses(0, 1))


async def test_attest_not_above_the_source_that_is_behind(source: FakeSource) -> None:
    source.latest = 60
    async with serving(*honest()) as signers:
        assert await attest(signers, source) == (60, "final", addresses(0, 1, 2))


async def test_attest_safe_where_final_is_not_to_be_had(source: FakeSource) -> None:
    one, two, three = honest()
    two.level = three.level = "safe"
    async with serving(one, two, three) as signers:
        assert await attest(signers, source) == (90, "safe", addresses(1, 2))
    one, two = honest()[:2]
    two.level = "safe"
    async with serving(one, two) as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source)
        assert "some attest it as safe and some as final" in caught.value.hint


async def test_attest_token_is_shown(source: FakeSource) -> None:
    one, two, three = honest()
    async with serving(one, two, three, token="a-token-of-some-length") as signers:
        await attest(signers, source)
    assert set(one.shown) == {"Bearer a-token-of-some-length"}


async def test_attest_two_services_of_one_signer_count_once(source: FakeSource) -> None:
    async with serving(FakeAttestor(ACCOUNTS[0]), FakeAttestor(ACCOUNTS[0])) as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source)
        with pytest.raises(TooFewSignatures):
            await attest(signers, source, 12)
    assert (caught.value.needed, caught.value.found) == (2, 1)


# --- lies, and other misfortunes ---


def flipped(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"signature": "0x00" + told["signature"][4:]}


def of_other_number(told: dict[str, Any]) -> dict[str, Any]:
    statement = BlockAttestation(11, block(11).hash, "final", 1, 0)
    return encode_signed(TERMS, statement, sign(ACCOUNTS[2], TERMS, statement))


def by_stranger(told: dict[str, Any]) -> dict[str, Any]:
    statement = BlockAttestation(90, block(90).hash, "final", 1, 0)
    return encode_signed(TERMS, statement, sign(STRANGER, TERMS, statement))


def other_epoch() -> QuorumTerms:
    return replace(TERMS, canonical_epoch=1)


def other_anchor() -> QuorumTerms:
    return replace(TERMS, anchor="0x" + "33" * 20)


async def text(_: str) -> web.Response:
    return web.Response(text="<html>", content_type="text/html")


async def nested(_: str) -> web.Response:
    return web.Response(text="[" * 15_000, content_type="application/json")


async def endless(_: str) -> web.Response:
    return web.Response(text='{"x": "' + "x" * 100_000 + '"}', content_type="application/json")


async def elsewhere(_: str) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:1/")


async def refusing(_: str) -> web.Response:
    return web.json_response({"message": "I have signed another\x1b[31m", "hint": "take a newer block"}, status=409)


async def locked(_: str) -> web.Response:
    return web.json_response({"message": "the token is missing", "hint": "pay me"}, status=401)


async def silent(_: str) -> web.Response:
    await asyncio.sleep(30)
    raise AssertionError


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "signature that is nobody's": ({"change": flipped}, "the signature is"),
    "somebody else's signature": ({"change": by_stranger}, "is no signer of the anchor"),
    "copied from another signer": ({"account": ACCOUNTS[0]}, ""),
    "other block": ({"branch": "lie"}, "its block 90 is 0x"),
    "other number": ({"change": of_other_number}, "it is of block 11, and 90 was asked for"),
    "other epoch": ({"terms": other_epoch()}, "canonical epoch 1"),
    "other anchor": ({"terms": other_anchor()}, "its anchor is"),
    "no such level": (
        {"change": lambda told: told | {"statement": told["statement"] | {"level": "x"}}},
        "its level is",
    ),
    "list": ({"change": lambda told: [told]}, "is no JSON object"),
    "no JSON": ({"answer": text}, "is no JSON object, but None"),
    "deep JSON": ({"answer": nested}, "is no JSON object, but None"),
    "no end": ({"answer": endless}, "its answer has more than 16384 bytes"),
    "redirection": ({"answer": elsewhere}, "HTTP status 302"),
    "refusal": ({"answer": refusing}, "409: I have signed another?[31m (its own hint: take a newer block)"),
    "no token": ({"answer": locked}, "it wants a token (set the environment variable SMARTSYNC_ATTESTOR_TOKEN to"),
    "silence": ({"answer": silent}, "no answer within 0.3 s"),
}


def patience_s(lie: str) -> float:
    """Return how long to wait: an honest answer may take its time on a busy machine."""
    return 0.3 if lie == "silence" else 30.0


@pytest.mark.parametrize("lie", LIES)
async def test_attest_one_of_three_lies_the_others_do(
    source: FakeSource, lie: str, caplog: pytest.LogCaptureFixture
) -> None:
    how, why = LIES[lie]
    one, two, three = honest()
    async with serving(one, two, replace(three, **how), timeout_s=patience_s(lie)) as signers:
        assert await attest(signers, source, 90) == (90, "final", addresses(0, 1))
    assert why in caplog.text
    assert not signers.equivocations


@pytest.mark.parametrize("lie", LIES)
async def test_attest_two_of_three_lie_refused_with_reasons(
    source: FakeSource, lie: str, caplog: pytest.LogCaptureFixture
) -> None:
    how, why = LIES[lie]
    one, two, three = honest()
    liars = [replace(two, **how), replace(three, **how)]
    async with serving(one, *liars, timeout_s=patience_s(lie)) as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source, 90)
    assert (caught.value.needed, caught.value.found) == (2, 1)
    assert why in caught.value.hint
    assert caught.value.hint.isprintable()
    # Told once.
    assert not caplog.text


STATUS_LIES: dict[str, dict[str, Any]] = {
    "height that is not": {"newest": {"number": 10**15}},
    "height of no chain": {"newest": {"number": 2**64}},
    "negative height": {"newest": {"number": -1}},
    "text": {"newest": {"number": "90"}},
    "truth value": {"newest": {"number": True}},
    "nothing": {"newest": None},
    "nonsense": {"newest": [90]},
    "stranger": {"signer": STRANGER.address},
    "no signer": {"signer": {"address": 1}},
    "other anchor": {"anchor": "0x" + "33" * 20},
    "other chain": {"target_chain_id": 1},
    "waiting": {"newest": None, "state": "waiting", "reason": "the node does not answer", "hint": "see to the node"},
}


@pytest.mark.parametrize("lie", STATUS_LIES)
async def test_attest_one_of_three_lies_in_its_status_newest_of_the_others(source: FakeSource, lie: str) -> None:
    one, two, three = honest()
    one.newest, two.newest, three.status = 95, 80, STATUS_LIES[lie]
    async with serving(one, two, three) as signers:
        number, _, signed = await attest(signers, source)
    assert number >= 80
    assert addresses(0) <= signed


async def test_attest_attestors_that_wait_refused_with_their_reasons_and_hints(source: FakeSource) -> None:
    one, two, three = honest()
    two.status = three.status = STATUS_LIES["waiting"]
    async with serving(one, two, three) as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source)
    assert "it is waiting: the node does not answer (its own hint: see to the node)" in caught.value.hint


async def test_attest_one_that_stays_away_is_logged_once(source: FakeSource, caplog: pytest.LogCaptureFixture) -> None:
    one, two, three = honest()
    async with serving(one, two, replace(three, answer=refusing)) as signers:
        for _ in range(3):
            await attest(signers, source, 90)
    assert len(caplog.records) == 1


async def test_attest_token_that_is_not_taken_says_so(source: FakeSource) -> None:
    async with serving(FakeAttestor(ACCOUNTS[0], answer=locked), token="a-token-of-some-length") as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source)
    assert "it does not take the token that it was shown (set the environment" in caught.value.hint


async def test_attest_height_that_nobody_else_has_costs_a_round_only(source: FakeSource) -> None:
    one, two, three = honest()
    two.newest = 80
    three.newest, three.branch = 85, "lie"
    async with serving(one, two, three) as signers:
        assert await attest(signers, source) == (80, "final", addresses(0, 1))
    assert [path for path in two.asked if path != "/v1/status"] == ["/v1/attestations/85", "/v1/attestations/80"]


async def test_attest_attestor_that_is_not_there_named_by_host_only(source: FakeSource) -> None:
    port = unused_port()
    async with serving(FakeAttestor(ACCOUNTS[0])) as one:
        urls = [one._attestors.all[0].url, f"http://user:hidden@127.0.0.1:{port}/secret-path"]
        signers = RemoteSigners(urls)
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source)
    assert f"127.0.0.1:{port}: cannot connect" in caught.value.hint
    for secret in ("secret", "hidden"):
        assert secret not in caught.value.hint + repr(signers)


# --- equivocation ---


async def test_attest_signer_with_two_hashes_is_left_out_and_evidence_kept(source: FakeSource) -> None:
    one, two, three = honest()
    other_face = FakeAttestor(ACCOUNTS[2], branch="lie")
    async with serving(one, two, three, other_face) as signers:
        assert await attest(signers, source) == (90, "final", addresses(0, 1))
    (found,) = signers.equivocations
    assert (found.signer, found.number) == (ACCOUNTS[2].address, 90)
    statements = [BlockAttestation(90, block(90, branch).hash, "final", 1, 0) for branch in ("", "lie")]
    signatures = [sign(ACCOUNTS[2], TERMS, statement).signature for statement in statements]
    assert found.evidence in (
        encode_evidence(statements[0], signatures[0], statements[1], signatures[1]),
        encode_evidence(statements[1], signatures[1], statements[0], signatures[0]),
    )


async def test_attest_signer_who_says_another_hash_later_is_noticed(source: FakeSource) -> None:
    one, two = honest()[:2]
    async with serving(one, two) as signers:
        await attest(signers, source)
        two.branch = "lie"
        with pytest.raises(Equivocation) as caught:
            await attest(signers, source)
        assert isinstance(caught.value.__cause__, TooFewSignatures)
        assert "anchor report" in caught.value.hint
        assert "needs the signatures of 2 of the anchor's signers, and has 1" in caught.value.hint
        with pytest.raises(Equivocation):
            await attest(signers, source)
    assert len(signers.equivocations) == 1
    assert caught.value.as_dict()["evidence"] == "0x" + signers.equivocations[0].evidence.hex()


async def test_attest_shortage_at_another_height_is_no_equivocation(source: FakeSource) -> None:
    one, two, three = honest()
    async with serving(one, two, three) as signers:
        await attest(signers, source)
        three.branch = "lie"
        assert await attest(signers, source, 90) == (90, "final", addresses(0, 1))
        three.branch, two.answer = "", refusing
        with pytest.raises(TooFewSignatures) as caught:
            await attest(signers, source, 12)
    assert "take a newer block" in caught.value.hint
    assert f"{ACCOUNTS[2].address} has signed two hashes of block 90, and is left out since" in caught.value.hint


async def test_attest_equivocation_tells_what_was_wrong_with_the_others(source: FakeSource) -> None:
    one, two, three = honest()
    async with serving(one, two, three) as signers:
        await attest(signers, source)
        two.answer, three.branch = refusing, "lie"
        with pytest.raises(Equivocation) as caught:
            await attest(signers, source, 90)
        # What is kept does not grow with what else went wrong.
        assert "take a newer block" not in signers.equivocations[0].hint
    assert "take a newer block" in caught.value.hint


@pytest.mark.parametrize("later", [{"anchor": "0x" + "33" * 20}, {"canonical_epoch": 1}, {"set_epoch": 2}])
async def test_attest_same_signer_and_height_elsewhere_is_another_equivocation(
    source: FakeSource, later: dict[str, Any]
) -> None:
    """It is evidence of its own: what is signed for one anchor, or in one epoch, shows another one nothing."""
    attestors = honest()
    elsewhere = replace(TERMS, **later)
    async with serving(*attestors) as signers:
        for here in (TERMS, elsewhere):
            for attestor in attestors:
                attestor.terms = here
            for branch in ("", "lie"):
                attestors[2].branch = branch
                await signers.attest(source.chain, here, 90)
        assert {(one.signer, one.number) for one in signers.equivocations} == {(ACCOUNTS[2].address, 90)}
        first, second = signers.equivocations
        assert first.evidence != second.evidence
        assert signers.reportable(TERMS) == [first]
        assert signers.reportable(elsewhere) == [second]
        assert signers.reportable(replace(TERMS, signers=TERMS.signers[:2])) == []


async def test_attest_signer_with_two_hashes_counts_at_another_anchor(source: FakeSource) -> None:
    attestors = honest()
    async with serving(*attestors) as signers:
        for branch in ("", "lie"):
            attestors[2].branch = branch
            await attest(signers, source, 90)
        there = other_anchor()
        for attestor in attestors:
            attestor.terms, attestor.branch = there, ""
        _, _, signed = await signers.attest(source.chain, there, 90)
    assert {one.signer for one in signed} == addresses(0, 1, 2)


async def test_attest_other_hash_in_a_new_epoch_is_no_equivocation(source: FakeSource) -> None:
    one, two = honest()[:2]
    async with serving(one, two) as signers:
        await attest(signers, source)
        for attestor in (one, two):
            attestor.branch, attestor.terms = "other", other_epoch()
        source.branch = "other"
        _, _, signed = await signers.attest(source.chain, other_epoch(), None)
    assert len(signed) == 2
    assert not signers.equivocations


# --- revocations ---


async def test_revoke_same_head_collected() -> None:
    one, two, three = honest()
    three.head = b"\x66" * 32
    async with serving(one, two, three) as signers:
        statement, signed = await signers.revoke(TERMS, PARTING, NOW)
    assert {item.signer for item in signed} == addresses(0, 1)
    assert statement == revocation_of(TERMS, PARTING.head, NOW)


async def test_revoke_until_different_times_is_taken_from_those_who_agree() -> None:
    attestors = honest()
    attestors[0].clock += REVOCATION_S
    async with serving(*attestors) as signers:
        statement, signed = await signers.revoke(TERMS, PARTING, NOW)
        assert {item.signer for item in signed} == addresses(1, 2)
        assert statement == revocation_of(TERMS, PARTING.head, NOW)
        attestors[1].clock += 2 * REVOCATION_S
        with pytest.raises(TooFewSignatures) as caught:
            await signers.revoke(TERMS, PARTING, NOW)
    assert "until different times" in caught.value.hint


async def test_revoke_that_is_over_refused_with_reason() -> None:
    attestors = honest()
    async with serving(*attestors) as signers:
        for attestor in attestors:
            attestor.clock -= 2 * REVOCATION_S
        with pytest.raises(TooFewSignatures) as caught:
            await signers.revoke(TERMS, PARTING, NOW)
    assert f"on the target's clock, which is at {NOW}" in caught.value.hint


async def test_revoke_too_few_refused_with_reasons() -> None:
    one, two, three = honest()
    two.head, three.answer = b"\x66" * 32, refusing
    async with serving(one, two, three) as signers:
        with pytest.raises(TooFewSignatures) as caught:
            await signers.revoke(TERMS, PARTING, NOW)
    assert "it revokes what is above 0x6666" in caught.value.hint
    assert "HTTP status 409" in caught.value.hint


# --- urls ---


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8650", "ftp://a.example/secret", "http://", "http://a:b/secret", "http://a/?x=secret"]
)
def test_remote_signers_bad_url_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="an attestor's url") as caught:
        RemoteSigners([url])
    assert "secret" not in caught.value.message


def test_remote_signers_without_url_refused() -> None:
    with pytest.raises(ConfigError, match="no attestor is given"):
        RemoteSigners([])
