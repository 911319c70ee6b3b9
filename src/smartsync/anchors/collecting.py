"""Signatures from attestors that serve them over HTTP (`smartsync.attestor`), none of whom is trusted.

Each answer is checked as if a stranger had sent it. What does not count is passed over and told; what counts, counts
whoever handed it over. So an attestor can be silent or lie, and that costs its own signature and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import aiohttp

from smartsync.anchors.asking import TIMEOUT_S, Attestor, Attestors, NoAnswer, ask_all, plain, said, theirs
from smartsync.anchors.attestation import (
    AttestedLevel,
    BlockAttestation,
    QuorumTerms,
    Revocation,
    Signed,
    encode_evidence,
    revocation_of,
)
from smartsync.anchors.documents import decode_attestation, decode_revocation
from smartsync.anchors.parting import Parting
from smartsync.chain import Chain
from smartsync.errors import Equivocation, ForeignSignature, SmartSyncError, TooFewSignatures
from smartsync.header import Header

_MARGIN_S = 60
_MAX_SEEN = 10_000

_SeenKey = tuple[str, int, int, int, int, str]
"""An anchor, its chain, a block number, both epochs, and a signer: for these only one hash may be signed."""


class RemoteSigners:
    """The attestors at these urls: `Signers` of a quorum anchor.

    A signer who is seen to have signed two hashes of one height is left out at that anchor from then on.

    Parameters
    ----------
    urls
        ``http://`` or ``https://``, of the services: what comes before ``/v1/``. Only hosts are shown or logged.
    token
        Shown to each of them, where they ask for one.
    timeout_s
        Seconds for one answer.

    Raises
    ------
    ConfigError
        A url is not one, or there is none.
    """

    def __init__(self, urls: Sequence[str], token: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._attestors = Attestors(urls, token, timeout_s=timeout_s)
        self._seen: OrderedDict[_SeenKey, tuple[BlockAttestation, Signed]] = OrderedDict()
        self._equivocations: dict[_SeenKey, Equivocation] = {}

    def __repr__(self) -> str:
        return f"RemoteSigners({', '.join(attestor.host for attestor in self._attestors.all)})"

    @property
    def equivocations(self) -> list[Equivocation]:
        """Those that were noticed so far: one for each signer and height, at each anchor and in each of its epochs."""
        return list(self._equivocations.values())

    def reportable(self, terms: QuorumTerms) -> list[Equivocation]:
        """Return one equivocation of each signer who can be removed for it under these terms of an anchor."""
        here = (terms.anchor, terms.target_chain_id, terms.set_epoch, terms.canonical_epoch)
        found: dict[str, Equivocation] = {}
        for (anchor, chain_id, _, set_epoch, canonical_epoch, signer), noticed in self._equivocations.items():
            if (anchor, chain_id, set_epoch, canonical_epoch) == here and signer in terms.signers:
                found.setdefault(signer, noticed)
        return list(found.values())

    async def attest(
        self, source: Chain, terms: QuorumTerms, block: int | str | None
    ) -> tuple[Header, AttestedLevel, Sequence[Signed]]:
        """Return a source block that enough of the anchor's signers attest to, as what, and their signatures.

        Parameters
        ----------
        block
            Its number, ``finalized`` or ``safe``; where ``None`` the newest that is to be had.

        Raises
        ------
        TooFewSignatures
            Fewer than the anchor needs signed the source's block. The hint tells of each attestor what was wrong.
        Equivocation
            Likewise, and one of the answers shows that a signer has signed two hashes of one height. The hint tells of
            each attestor, too.
        """
        async with self._attestors.session() as session:
            if block is not None:
                return await self._block(session, terms, await source.header(block), self._attestors.all, [])
            heights, answering, problems = await self._heights(session, terms)
            newest = await source.block_number()
            why: SmartSyncError | None = None
            for number in sorted({min(height, newest) for height in heights}, reverse=True):
                try:
                    return await self._block(session, terms, await source.header(number), answering, list(problems))
                except (TooFewSignatures, Equivocation) as error:
                    why = why or error
            assert why is not None  # noqa: S101  # for mypy: there is one height at least
            raise why

    async def revoke(self, terms: QuorumTerms, parting: Parting, now_s: int) -> tuple[Revocation, Sequence[Signed]]:
        """Return the revocation of everything above ``parting.head``, and enough signatures.

        Raises
        ------
        TooFewSignatures
            Fewer than the anchor needs signed that, until the same time. The hint tells of each attestor what was
            wrong.
        """

        async def ask(attestor: Attestor) -> tuple[Revocation, Signed]:
            statement, signed = decode_revocation(terms, await self._attestors.get(session, attestor, "/v1/revocation"))
            if statement.head != parting.head:
                raise ForeignSignature(
                    f"it revokes what is above 0x{statement.head.hex()}, and the source has parted above "
                    f"0x{parting.head.hex()}"
                )
            if statement.deadline < now_s + _MARGIN_S:
                raise ForeignSignature(
                    f"its revocation is good until {statement.deadline} on the target's clock, which is at {now_s}",
                    hint="its clock is behind, or its target node",
                )
            return statement, signed

        async with self._attestors.session() as session:
            answers, problems = await ask_all(self._attestors.all, ask)
        by_statement: dict[Revocation, dict[str, Signed]] = {}
        for statement, signed in answers:
            by_statement.setdefault(statement, {})[signed.signer] = signed
        statement, signers = max(
            by_statement.items(), key=lambda item: len(item[1]), default=(revocation_of(terms, parting.head, now_s), {})
        )
        if len(by_statement) > 1:
            problems.append("they signed until different times: a new hour began, or their clocks differ; try again")
        if len(signers) < terms.threshold:
            raise TooFewSignatures("the revocation", terms.threshold, len(signers), hint=_hint(problems))
        self._attestors.log(problems)
        return statement, list(signers.values())

    async def _heights(
        self, session: aiohttp.ClientSession, terms: QuorumTerms
    ) -> tuple[list[int], list[Attestor], list[str]]:
        """Return the heights to try: the highest that ``threshold`` signers say they would attest, and all lower ones.

        Nothing that they say here is more than a hint of what to ask for. Also returned: who answered, and what was
        wrong with the others.
        """

        async def ask(attestor: Attestor) -> tuple[Attestor, str, int]:
            return attestor, *_newest(terms, await self._attestors.get(session, attestor, "/v1/status"))

        answers, problems = await ask_all(self._attestors.all, ask)
        highest: dict[str, int] = {}
        for _, signer, number in answers:
            highest[signer] = max(number, highest.get(signer, 0))
        if len(highest) < terms.threshold:
            raise TooFewSignatures("a block's attestation", terms.threshold, len(highest), hint=_hint(problems))
        best = sorted(highest.values(), reverse=True)[terms.threshold - 1]
        return [number for _, _, number in answers if number <= best], [one for one, _, _ in answers], problems

    async def _block(
        self,
        session: aiohttp.ClientSession,
        terms: QuorumTerms,
        header: Header,
        attestors: Sequence[Attestor],
        problems: list[str],
    ) -> tuple[Header, AttestedLevel, Sequence[Signed]]:
        """Collect what signers say of one block, and return it where enough of them say the same as the source."""
        noticed: list[Equivocation] = []

        async def ask(attestor: Attestor) -> tuple[BlockAttestation, Signed]:
            path = f"/v1/attestations/{header.number}"
            statement, signed = decode_attestation(terms, await self._attestors.get(session, attestor, path))
            if (equivocation := self._compare(terms, statement, signed)) is not None:
                noticed.append(equivocation)
                raise NoAnswer(equivocation.message)
            if statement.number != header.number:
                raise ForeignSignature(f"it is of block {statement.number}, and {header.number} was asked for")
            if statement.block_hash != header.hash:
                raise ForeignSignature(
                    f"its block {header.number} is 0x{statement.block_hash.hex()}, the source's 0x{header.hash.hex()}"
                )
            return statement, signed

        answers, more = await ask_all(attestors, ask)
        problems += more
        faulty = self._faulty(terms)
        by_level: dict[AttestedLevel, dict[str, Signed]] = {"final": {}, "safe": {}}
        for statement, signed in answers:
            if (known := faulty.get(signed.signer)) is None:
                by_level[statement.level][signed.signer] = signed
            elif known not in noticed:
                problems.append(f"{known.message}, and is left out since")
        for level, signers in by_level.items():
            if len(signers) >= terms.threshold:
                self._attestors.log(problems)
                return header, level, list(signers.values())
        found = max(map(len, by_level.values()))
        if all(by_level.values()):
            problems.append("some attest it as safe and some as final: they have to follow the same way (--follow)")
        short = TooFewSignatures(f"block {header.number}", terms.threshold, found, hint=_hint(problems))
        if noticed:
            first = noticed[0]
            raise Equivocation(
                first.signer, first.number, first.evidence, besides=f"{short.message} ({short.hint})"
            ) from short
        raise short

    def _faulty(self, terms: QuorumTerms) -> dict[str, Equivocation]:
        """Return who was seen to sign two hashes of one height at this anchor, with one time that he did."""
        return {
            signer: noticed
            for (anchor, chain_id, *_, signer), noticed in self._equivocations.items()
            if (anchor, chain_id) == (terms.anchor, terms.target_chain_id)
        }

    def _compare(self, terms: QuorumTerms, statement: BlockAttestation, signed: Signed) -> Equivocation | None:
        """Hold what a signer says against what it said before; what is returned is kept in ``equivocations``."""
        epochs = (statement.number, statement.set_epoch, statement.canonical_epoch)
        key = (terms.anchor, terms.target_chain_id, *epochs, signed.signer)
        before, signed_before = self._seen.setdefault(key, (statement, signed))
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        if before.block_hash == statement.block_hash:
            return None
        evidence = encode_evidence(before, signed_before.signature, statement, signed.signature)
        return self._equivocations.setdefault(key, Equivocation(signed.signer, statement.number, evidence))


def _newest(terms: QuorumTerms, status: Any) -> tuple[str, int]:
    """Return who an attestor says that it is, and the newest height that it would attest."""
    if not isinstance(status, dict):
        raise NoAnswer("it answered no status")
    anchor, chain_id, signer = status.get("anchor"), status.get("target_chain_id"), status.get("signer")
    if (anchor, chain_id) != (terms.anchor, terms.target_chain_id):
        raise NoAnswer(f"it attests for the anchor {plain(anchor)} on chain {plain(chain_id)}, and not for this one")
    if not isinstance(signer, str) or signer not in terms.signers:
        raise NoAnswer(f"{plain(signer)} is no signer of the anchor")
    newest = status.get("newest")
    number = newest.get("number") if isinstance(newest, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**64:
        state = status.get("state")
        if state in ("waiting", "stopped"):
            raise NoAnswer(f"it is {state}: {said(status, 'reason')}", theirs(said(status, "hint")))
        raise NoAnswer("it names no block")
    return signer, number


def _hint(problems: Iterable[str]) -> str:
    told = "; ".join(problems)
    return f"passed over: {told}" if told else "give the urls of more of the anchor's signers"
