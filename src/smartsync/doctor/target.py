"""What a target's node must be able to do: run the contracts, in transactions that are large enough."""

from __future__ import annotations

from smartsync.chain import Chain
from smartsync.discovery.completeness import is_anvil
from smartsync.doctor.probing import DEPLOY_GAS, failure_of, failure_of_code, proof_check
from smartsync.errors import NodeError
from smartsync.header import Header
from smartsync.results import Check
from smartsync.types import MAX_CODE_SIZE, TX_GAS_CAP

# Creation code for eth_call, each made of the opcodes that it tests.
_MCOPY_AND_TLOAD = "0x5f5f5f5e5f5c5000"
_CLZ = "0x5f1e5f5260205ff3"
_RETURN_MAX_CODE = f"0x61{MAX_CODE_SIZE:04x}5ff3"


async def target_checks(chain: Chain, header: Header | None, client: str) -> list[Check]:
    """Return what a node can do as a target; ``header`` is None where it has none that verifies."""
    checks = [await proof_check(chain, header, None, needed=False)] if header is not None else []
    checks += [await _rules(chain), await _gas(chain), await _code_size(chain), await _fees(chain)]
    if is_anvil(client):
        detail = (
            "anvil keeps zeros in its storage tries, of slots that were deleted or only touched, and its own proofs of "
            "such a replica are wrong; verify recomputes the root instead"
        )
        checks.append(Check("storage trie (optional)", False, detail, needed=False))
    return checks


async def _rules(chain: Chain) -> Check:
    failure = await failure_of_code(chain, _MCOPY_AND_TLOAD)
    if failure:
        return Check("rules", False, f"older than Cancun, so the contracts do not run there: {failure}")
    osaka = not await failure_of_code(chain, _CLZ)
    return Check("rules", True, "Osaka or later" if osaka else "Cancun or later")


async def _gas(chain: Chain) -> Check:
    name = "block gas limit"
    try:
        limit = await chain.block_gas_limit()
    except NodeError as error:
        return Check(name, False, error.message)
    if limit < DEPLOY_GAS:
        return Check(name, False, f"{limit:,}: too little to deploy the contracts ({DEPLOY_GAS:,} are needed)")
    cap = min(limit, TX_GAS_CAP)
    capped = not await failure_of_code(chain, _CLZ)
    why = "the cap of EIP-7825" if capped else "as if EIP-7825 applied, which these rules do not have yet"
    return Check(name, True, f"{limit:,}; one transaction uses at most {cap:,}" + (f", {why}" if cap < limit else ""))


async def _code_size(chain: Chain) -> Check:
    name = "code size (optional)"
    failure = await failure_of_code(chain, _RETURN_MAX_CODE)
    if failure:
        detail = f"a contract of {MAX_CODE_SIZE:,} bytes cannot be created, smaller ones may: {failure}"
        return Check(name, False, detail, needed=False)
    return Check(name, True, f"contracts of up to {MAX_CODE_SIZE:,} bytes can be created (EIP-170)", needed=False)


async def _fees(chain: Chain) -> Check:
    name = "eth_feeHistory (optional)"
    failure = await failure_of(lambda: chain.rpc.call("eth_feeHistory", ["0x1", "latest", [50]]))
    detail = f"{failure}; fees are taken from the newest block instead" if failure else "works"
    return Check(name, not failure, detail, needed=False)
