"""What an analysis returns: frozen values, ready to be shown or written as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

from smartsync.results import Check


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """A function of some code.

    ``selector`` 4 bytes, empty for what runs where no function is called (``fallback``, ``receive``). ``name`` is the
    signature where an ABI told it, else the selector with the arguments' types as far as the code shows them.
    ``writes`` where it is not a view, by the ABI or, ``inferred``, by the code. ``followed``: its control flow is known
    to the end; else it may do more than was found.
    """

    selector: bytes
    name: str
    writes: bool
    inferred: bool
    followed: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """An opcode whose answer is not the source's, and the functions that can come to it.

    Parameters
    ----------
    opcode
        As in ``TIMESTAMP``; the kind of call for calls.
    gets
        What a reader of the replica gets, in words.
    origin
        Of opcodes that ask about an account, where its address is from: ``code`` (a constant or an immutable),
        ``storage``, ``argument``, ``caller``, ``itself``, ``precompile``, ``unknown``; None for other opcodes.
    address
        The account, where it is in the code; checksummed.
    views, writers
        Names of the functions, those that write apart: what they do is undone on a replica.
    certain
        False where the opcode is in the code, and it is not known which functions come to it.
    """

    opcode: str
    gets: str
    origin: str | None
    address: str | None
    views: tuple[str, ...]
    writers: tuple[str, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class CodeReport:
    """The code at an address. ``role`` is ``contract`` or ``implementation``; ``metadata_bytes`` of ``size`` are none.

    ``opcodes`` are all that it can come to, by name.
    """

    role: str
    address: str
    size: int
    metadata_bytes: int
    functions: tuple[FunctionReport, ...]
    findings: tuple[Finding, ...]
    opcodes: tuple[str, ...]

    @property
    def views(self) -> tuple[FunctionReport, ...]:
        """The functions that a reader calls."""
        return tuple(function for function in self.functions if not function.writes)

    @property
    def exact_views(self) -> tuple[str, ...]:
        """Names of the views that are known to answer from storage and code alone: as on the source."""
        differing = {name for finding in self.findings for name in finding.views}
        return tuple(view.name for view in self.views if view.followed and view.name not in differing)


@dataclass(frozen=True, slots=True)
class ProxyReport:
    """A proxy: its ``kind``, where it delegates to, and by which ``beacon`` (None where there is none).

    ``implementation`` is None where a beacon does not tell it. ``refusal`` says why ``fork`` refuses it, and is empty
    where it replicates the proxy together with its implementation.
    """

    kind: str
    implementation: str | None
    beacon: str | None
    refusal: str


@dataclass(frozen=True, slots=True)
class StorageReport:
    """The size of a storage, proven against the block's state root as far as it says.

    ``slots`` that are not zero; where not ``exact`` estimated from proofs of random slots, off by a quarter at most in
    tests. ``found_by`` is the strategy that found them all; else it is empty, and ``why`` tells why they were not
    found: their number may be ``exact`` all the same, by the trie keys of those that nobody named. ``out_of_time``:
    the search was not over. ``depth`` is the mean number of trie nodes on the way to a slot; ``account_nodes`` counts
    those of the account proof, of which the hub takes ``account_bytes``.
    """

    slots: int
    exact: bool
    found_by: str
    why: str
    depth: float
    account_nodes: int
    account_bytes: int
    out_of_time: bool = False


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """How often the storage changed lately.

    Parameters
    ----------
    method
        ``storage roots`` (proven at samples of older blocks), ``logs`` (events only: not every change leaves one), or
        ``unknown``: then ``why`` tells.
    from_block, to_block, seconds
        What was looked at, and how long that is by the source's clock; 0 where the first block, a genesis, has no time.
    looks
        Blocks looked at; for ``logs`` all of them.
    changes
        At least so many: between two looks one change is counted, however many there were.
    last_block
        A block that changed it, the last one where all looks after it agree; None where none is known.
    """

    method: str
    why: str
    from_block: int
    to_block: int
    seconds: int
    looks: int
    changes: int
    last_block: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes on the target: ``gas``, and by gas price (wei) the fee in wei."""

    what: str
    gas: int
    fees_wei: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CostReport:
    """Costs on the target chain, computed from measured gas (``docs/reference/gas.md``).

    ``prices_wei`` are the gas prices of the columns, ``priced_by`` says where they are from: ``given``, or ``target``,
    the node's present fee; empty where there is none. ``beyond`` where the storage is larger than any measured one.
    """

    prices_wei: tuple[int, ...]
    priced_by: str
    beyond: bool
    rows: tuple[Cost, ...]

    @staticmethod
    def coins(fee_wei: int) -> str:
        """Return a fee in the target's coin, with four digits that count."""
        value = Decimal(fee_wei).scaleb(-18)
        return f"{Context(prec=4).plus(value).normalize():f}"


@dataclass(frozen=True, slots=True)
class Analysis:
    """Whether a contract can be replicated, what of it will answer otherwise, and what it would cost.

    ``replicable`` is false where a check fails that is needed; ``verdict`` says it in one sentence. ``storage``,
    ``changes`` and ``costs`` are None where there was no reason to look, or no way. ``target_chain_id`` is None where
    no target was given.
    """

    address: str
    source_chain_id: int
    target_chain_id: int | None
    block_number: int
    block_hash: bytes
    verdict: str
    checks: tuple[Check, ...]
    proxy: ProxyReport | None
    codes: tuple[CodeReport, ...]
    storage: StorageReport | None
    changes: ChangeReport | None
    costs: CostReport | None

    @property
    def replicable(self) -> bool:
        """Whether everything needed is there."""
        return all(check.ok or not check.needed for check in self.checks)
