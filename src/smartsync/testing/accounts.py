"""The accounts that every node of the tests and the demo has funded. Their keys are public."""

from __future__ import annotations

import functools

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.signers.local import LocalAccount

MNEMONIC = "test test test test test test test test test test test junk"
"""The mnemonic that hardhat and anvil document for their accounts: publicly known, never to be used elsewhere."""

ACCOUNT_COUNT = 10
BALANCE_ETHER = 10_000


@functools.cache
def dev_accounts() -> tuple[LocalAccount, ...]:
    """Return the ten accounts of the mnemonic (BIP-32 path m/44'/60'/0'/0/i)."""
    seed = seed_from_mnemonic(MNEMONIC, "")
    keys = (key_from_seed(seed, f"m/44'/60'/0'/0/{index}") for index in range(ACCOUNT_COUNT))
    return tuple(Account.from_key(key) for key in keys)
