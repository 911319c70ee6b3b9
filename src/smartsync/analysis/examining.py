"""An analysis from end to end: the only module of this package that knows the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smartsync.analysis import cost, target
from smartsync.analysis.changes import recent_changes
from smartsync.analysis.findings import examine_code
from smartsync.analysis.names import Named, named_functions
from smartsync.analysis.proxies import proxy_of
from smartsync.analysis.report import (
    Analysis,
    ChangeReport,
    CodeReport,
    Cost,
    CostReport,
    ProxyReport,
    StorageReport,
)
from smartsync.analysis.storage import measure_storage
from smartsync.analysis.verdict import (
    abi_check,
    address_check,
    answers_check,
    beacon_check,
    contract_check,
    flow_check,
    implementation_check,
    opcode_check,
    proxy_check,
    storage_check,
    verdict_on,
)
from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    CodeNotDeployable,
    InvalidProof,
    NoCode,
    NodeError,
    NonCanonicalTrie,
    SourceIsProxy,
)
from smartsync.header import Header
from smartsync.results import Check, Progress
from smartsync.source import inspect, read_code, require_deployable
from smartsync.trie.proof import verify_account
from smartsync.types import NO_ACCOUNT, Account


async def analyze(
    source: Chain,
    target_chain: Chain | None,
    address: str,
    *,
    block: int | None = None,
    abi: Sequence[Mapping[str, Any]] = (),
    gas_prices_wei: Sequence[int] = (),
    on_progress: Progress | None = None,
) -> Analysis:
    """Return whether a contract can be replicated, what of it will answer otherwise, and what it would cost.

    Parameters
    ----------
    target_chain
        Where the replica would be; without it nothing is said about opcodes, contracts and prices there.
    address
        The contract on the source chain, checksummed.
    block
        Source block to look at; the newest where ``None``.
    abi
        Names functions; those of a proxy's implementation, too.
    gas_prices_wei
        To compute costs at; the target node's present fee where there is none.

    Raises
    ------
    NoCode
        There is no contract at the address in this block.
    BlockUnavailable
        The source's node does not serve the block, or its state.
    InvalidProof
        What a node says is not what it proves.
    NodeUnreachable
        A node does not answer.
    ConfigError
        An entry of the ABI is none.
    """
    names = named_functions(abi)
    header = await source.header("latest" if block is None else block)
    work = _Work(source, target_chain, address, header, names, on_progress)
    return await work.run(gas_prices_wei)


@dataclass(slots=True)
class _Work:
    """One analysis in the making; ``checks`` grows."""

    source: Chain
    target: Chain | None
    address: str
    header: Header
    names: Mapping[bytes, Named]
    on_progress: Progress | None
    checks: list[Check] = field(default_factory=list)
    codes: list[CodeReport] = field(default_factory=list)
    implementation: bytes = b""

    async def run(self, gas_prices_wei: Sequence[int]) -> Analysis:
        self._progress("read the contract")
        code = await read_code(self.source, self.address, self.header.number, account=await self._account())
        proxy = await self._examine(code)
        await self._examine_target(self._run_by_replica(proxy))
        storage: StorageReport | None = None
        changes: ChangeReport | None = None
        costs: CostReport | None = None
        if self._fit():
            self._progress("measure the storage")
            storage = await self._storage()
            self._progress("look at older blocks")
            changes = await recent_changes(self.source, self.header, self.address)
            beacon = await self._beacon(proxy.beacon) if proxy is not None and proxy.beacon else None
            if storage is not None and self._fit():
                costs = await self._costs(_measure(code, storage), beacon, gas_prices_wei)
        return Analysis(
            address=self.address,
            source_chain_id=await self.source.chain_id(),
            target_chain_id=None if self.target is None else await self.target.chain_id(),
            block_number=self.header.number,
            block_hash=self.header.hash,
            verdict=verdict_on(self.address, self.checks, self.codes),
            checks=tuple(self.checks),
            proxy=proxy,
            codes=tuple(self.codes),
            storage=storage,
            changes=changes,
            costs=costs,
        )

    async def _account(self) -> Account:
        """Return the contract's account, proven; its storage comes later, and may not be in order."""

        async def ask(one: Chain) -> Account:
            proof = await one.proof(self.address, [], self.header.number)
            try:
                return verify_account(self.header.state_root, proof.address, proof.account_nodes) or NO_ACCOUNT
            except InvalidProof as error:
                raise InvalidProof(
                    f"{one.rpc.host} does not prove {self.address} at block {self.header.number}: {error.message}",
                    hint="take another node for the source (smartsync doctor tells more), or try again with a newer "
                    "block",
                ) from error

        return await self.source.verified(ask)

    def _fit(self) -> bool:
        return all(check.ok or not check.needed for check in self.checks)

    async def _examine(self, code: bytes) -> ProxyReport | None:
        """Look at the code, and at what it delegates to where it is a proxy."""
        try:
            require_deployable(code, self.address)
        except CodeNotDeployable as error:
            self.checks.append(contract_check(code, error))
            if code[0] == 0xEF:
                return None  # no code of today's EVM
        else:
            self.checks.append(contract_check(code, None))
        self._progress("examine the code")
        self.codes.append(examine_code(code, self.names, role="contract", address=self.address))
        proxy = await proxy_of(self.source, self.address, self.header.number, code)
        self.checks.append(proxy_check(proxy, self.codes[-1]))
        if proxy is not None:
            await self._examine_implementation(proxy)
        read = self.codes[-1]
        if (check := abi_check(self.names.keys(), self.codes)) is not None:
            self.checks.append(check)
        self.checks.append(answers_check(read))
        if (check := flow_check(self.codes)) is not None:
            self.checks.append(check)
        return proxy

    async def _examine_implementation(self, proxy: ProxyReport) -> None:
        if proxy.implementation is None:
            self.checks.append(implementation_check(proxy, b"", "the beacon does not tell it"))
            return
        failure, code = "", b""
        try:
            code = await read_code(self.source, proxy.implementation, self.header.number)
            await inspect(self.source, proxy.implementation, self.header.number)
        except SourceIsProxy as error:
            failure = f"{proxy.implementation} is itself a proxy ({error.kind}) of {error.implementation}"
        except (NoCode, CodeNotDeployable) as error:
            failure = error.message
        self.checks.append(implementation_check(proxy, code, failure))
        if code and code[0] != 0xEF:
            self.implementation = code
            report = examine_code(code, self.names, role="implementation", address=proxy.implementation)
            self.codes.append(report)

    def _run_by_replica(self, proxy: ProxyReport | None) -> Sequence[CodeReport]:
        """Return the codes that matter on the target: a supported proxy's replica does not run the proxy's own."""
        return self.codes if proxy is None or proxy.refusal else self.codes[1:]

    async def _examine_target(self, codes: Sequence[CodeReport]) -> None:
        if self.target is None:
            return
        self._progress("try the target")
        failure = await target.cannot_run(self.target)
        if failure:
            detail = f"older than Cancun, so SmartSync's contracts do not run there: {failure}"
            self.checks.append(Check("target's rules", False, detail))
            return
        used = {opcode for code in codes for opcode in code.opcodes}
        self.checks.append(opcode_check(used, await target.lacking_opcodes(self.target, used)))
        asked = [one for code in codes for one in code.findings if one.origin == "code" and one.views]
        if asked:
            found = await target.codes_at(self.target, [one.address for one in asked if one.address])
            self.checks.append(address_check(found))

    async def _storage(self) -> StorageReport | None:
        try:
            storage = await measure_storage(self.source, self.header, self.address)
        except NonCanonicalTrie as error:
            self.checks.append(Check("storage", False, error.in_full))
            return None
        except (BlockUnavailable, InvalidProof) as error:
            self.checks.append(Check("storage", False, f"{error.message}; fork needs these proofs"))
            return None
        self.checks.append(storage_check(storage))
        return storage

    async def _beacon(self, address: str) -> cost.Measure | None:
        """Look at a beacon: ``fork`` replicates it as well, if nobody has yet."""
        self._progress("measure the beacon")
        code, storage, failure = b"", None, ""
        try:
            code = await inspect(self.source, address, self.header.number)
            storage = await measure_storage(self.source, self.header, address)
        except SourceIsProxy as error:
            failure = f"{address} is itself a proxy ({error.kind}) of {error.implementation}"
        except (NoCode, CodeNotDeployable, NonCanonicalTrie, BlockUnavailable, InvalidProof) as error:
            failure = error.message
        self.checks.append(beacon_check(address, code, storage, failure))
        return None if storage is None else _measure(code, storage)

    async def _costs(
        self, contract: cost.Measure, beacon: cost.Measure | None, gas_prices_wei: Sequence[int]
    ) -> CostReport:
        prices, by = list(gas_prices_wei), "given" if gas_prices_wei else ""
        if not prices and self.target is not None:
            try:
                prices, by = [await target.gas_price_wei(self.target)], "target"
            except NodeError:
                prices, by = [], ""
        rows = cost.cost_rows(contract, self.implementation, beacon)
        return CostReport(
            prices_wei=tuple(prices),
            priced_by=by,
            beyond=contract.slots > cost.largest_measured(),
            rows=tuple(Cost(what, gas, tuple(gas * price for price in prices)) for what, gas in rows),
        )

    def _progress(self, phase: str) -> None:
        if self.on_progress:
            self.on_progress(phase, 0, 0)


def _measure(code: bytes, storage: StorageReport) -> cost.Measure:
    return cost.Measure(code, storage.slots, storage.account_bytes)
