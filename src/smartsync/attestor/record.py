"""What an attestor has signed, on disk before it signs: so it never signs two hashes for one height, whatever happens.

An SQLite file. A row is committed and synced before the signature is made; a crash in between leaves a height that may
be signed with this hash only, and since signatures are deterministic (RFC 6979) the next try makes the same one.

Warning: a record that is lost or restored from a backup remembers nothing of what was signed since. A key with two
records has two memories.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from smartsync.anchors.attestation import BlockAttestation, QuorumTerms
from smartsync.errors import AlreadySigned, AttestorStopped, ConfigError

SourceId = tuple[int, bytes]
"""A source chain: its chain id, and the 32-byte hash of its block 0."""

VERSION = 1
_APPLICATION_ID = 0x53534154
_WAIT_S = 10.0

# Numbers are text: SQLite's have 63 bits and a sign, those of the chains up to 256 bits.
_TABLES = (
    """CREATE TABLE signed (
        target_chain_id TEXT NOT NULL, anchor TEXT NOT NULL, signer TEXT NOT NULL, number TEXT NOT NULL,
        set_epoch TEXT NOT NULL, canonical_epoch TEXT NOT NULL, block_hash BLOB NOT NULL, level TEXT NOT NULL,
        PRIMARY KEY (target_chain_id, anchor, signer, number, set_epoch, canonical_epoch)
    ) WITHOUT ROWID""",
    """CREATE TABLE finalized (
        source_chain_id TEXT NOT NULL, genesis_hash BLOB NOT NULL, number TEXT NOT NULL, block_hash BLOB NOT NULL,
        stopped TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (source_chain_id, genesis_hash)
    ) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Finalized:
    """The highest block that was seen as finalized. ``stopped`` says why nothing is signed any more; empty if not."""

    number: int
    block_hash: bytes
    stopped: str


class Record:
    """An attestor's memory. Use it as a context manager, or close it.

    Parameters
    ----------
    path
        The file; made where there is none. Several processes may have it open, also of one key: whoever is first to
        write down a height decides on its hash.

    Raises
    ------
    ConfigError
        It is no record, has lost its content, is of another version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        existed = os.path.exists(path)  # as `Path.exists`, which raises where it may not look
        try:
            self._db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            with self._told():
                # EXTRA: with FULL, a power cut right after the commit may bring the journal back, and undo it.
                self._db.execute("PRAGMA synchronous = EXTRA")
            self._open(existed)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def holds(self, target_chain_id: int, anchor: str, signer: str) -> bool:
        """Whether anything is written down that this signer has signed for this anchor."""
        key = (str(target_chain_id), anchor, signer)
        with self._told():
            found = self._db.execute(
                "SELECT 1 FROM signed WHERE target_chain_id = ? AND anchor = ? AND signer = ? LIMIT 1", key
            ).fetchone()
        return found is not None

    def require_free(self, terms: QuorumTerms, signer: str, attestation: BlockAttestation) -> None:
        """Check that `remember` would accept this now. Nothing is written down.

        Raises
        ------
        AlreadySigned
            Another hash of this height was signed before.
        """
        with self._told():
            self._require_free(terms, signer, attestation)

    def remember(self, terms: QuorumTerms, signer: str, attestation: BlockAttestation) -> None:
        """Write down that this is going to be signed. Only after it has returned may it be.

        A height has one hash in each epoch of the anchor, and where it was signed as final one hash for ever.

        Raises
        ------
        AlreadySigned
            Another hash of this height was signed before.
        AttestorStopped
            The source has dropped a finalized block.
        ConfigError
            The record cannot be written.
        """
        with self._transaction():
            self._require_going((terms.source_chain_id, terms.source_genesis_hash))
            self._require_free(terms, signer, attestation)
            self._db.execute(
                "INSERT INTO signed VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET level = 'final' "
                "WHERE excluded.level = 'final'",
                (*_height(terms, signer, attestation), attestation.block_hash, attestation.level),
            )

    def finalized(self, source: SourceId) -> Finalized | None:
        """Return the highest finalized block that was seen of a source."""
        with self._told():
            return self._finalized(source)

    def require_going(self, source: SourceId) -> None:
        """Check that nothing stopped the attestor.

        Raises
        ------
        AttestorStopped
            The source has dropped a finalized block.
        """
        with self._told():
            self._require_going(source)

    def saw_finalized(self, source: SourceId, number: int, block_hash: bytes, *, after: Finalized | None) -> bool:
        """Write down a finalized block of a source, where it is the highest so far.

        Parameters
        ----------
        after
            The highest until then, which this one was seen to follow.

        Returns
        -------
        bool
            False where another one is the highest by now: nothing was written down.
        """
        with self._transaction():
            self._require_going(source)
            seen = self._finalized(source)
            if seen != after:
                return False
            if seen is None or number > seen.number:
                self._put_finalized(source, number, block_hash, "")
        return True

    def stop(self, source: SourceId, why: str) -> None:
        """Write down that nothing is signed any more, until `resume`."""
        with self._transaction():
            self._db.execute(
                "UPDATE finalized SET stopped = ? WHERE source_chain_id = ? AND genesis_hash = ?", (why, *_key(source))
            )

    def resume(self, source: SourceId, number: int, block_hash: bytes) -> None:
        """Take this for the finalized block of the source from now on, and go on."""
        with self._transaction():
            self._put_finalized(source, number, block_hash, "")

    def _require_free(self, terms: QuorumTerms, signer: str, attestation: BlockAttestation) -> None:
        *height, set_epoch, canonical_epoch = _height(terms, signer, attestation)
        found = self._db.execute(
            "SELECT block_hash FROM signed WHERE target_chain_id = ? AND anchor = ? AND signer = ? AND number = ? "
            "AND block_hash <> ? AND (level = 'final' OR (set_epoch = ? AND canonical_epoch = ?))",
            (*height, attestation.block_hash, set_epoch, canonical_epoch),
        ).fetchone()
        if found is not None:
            raise AlreadySigned(
                attestation.number,
                found[0],
                attestation.block_hash,
                hint="the source has dropped the block that was signed. Where the anchor accepts it, have it "
                "revoked (smartsync anchor revoke), which begins a new epoch; otherwise take a newer block",
            )

    def _finalized(self, source: SourceId) -> Finalized | None:
        found = self._db.execute(
            "SELECT number, block_hash, stopped FROM finalized WHERE source_chain_id = ? AND genesis_hash = ?",
            _key(source),
        ).fetchone()
        return None if found is None else Finalized(int(found[0]), found[1], found[2])

    def _put_finalized(self, source: SourceId, number: int, block_hash: bytes, stopped: str) -> None:
        row = (*_key(source), str(number), block_hash, stopped)
        self._db.execute("INSERT OR REPLACE INTO finalized VALUES (?, ?, ?, ?, ?)", row)

    def _require_going(self, source: SourceId) -> None:
        seen = self._finalized(source)
        if seen is not None and seen.stopped:
            raise AttestorStopped(
                seen.stopped,
                hint="find out from sources that you trust which chain is right; if it is the one that the nodes "
                "follow now, start the attestor with --resume HASH, the hash that they have for this block",
            )

    def _open(self, existed: bool) -> None:
        """Check what file this is, and make the tables of a new one. Writes in any case, to know that it works."""
        with self._transaction():
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            is_new = bool(application == version == tables == 0)
            if is_new and existed:
                raise ConfigError(
                    f"the attestor's record {self.path} is empty: it was never written, or its content is lost",
                    hint="remove the file only if this key has never signed; otherwise have the other signers rotate "
                    "to a new key (smartsync anchor rotate)",
                )
            if not is_new and application != _APPLICATION_ID:
                raise ConfigError(
                    f"{self.path} is a database, but no attestor's record", hint="name the right file with --record"
                )
            if not is_new and version != VERSION:
                raise ConfigError(
                    f"the attestor's record {self.path} is of version {version}, and {VERSION} is needed",
                    hint="use the smartsync that wrote it; never begin a new record with a key that has signed",
                )
            for table in _TABLES if is_new else ():
                self._db.execute(table)
            self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Alone among all processes that have the file open, all or nothing, and on the disk at the end."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> ConfigError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            return ConfigError(f"{self.path} is no attestor's record", hint="name the right file with --record")
        return ConfigError(
            f"the attestor's record {self.path} cannot be read and written: {error}",
            hint="nothing is signed without it: see to the folder, its permissions and the space on the disk",
        )


def _height(terms: QuorumTerms, signer: str, attestation: BlockAttestation) -> tuple[str, ...]:
    """Return for what only one hash may be signed."""
    number, epochs = attestation.number, (attestation.set_epoch, attestation.canonical_epoch)
    return str(terms.target_chain_id), terms.anchor, signer, str(number), *map(str, epochs)


def _key(source: SourceId) -> tuple[str, bytes]:
    return str(source[0]), source[1]
