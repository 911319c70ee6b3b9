"""The off-chain side of the anchors. A module imports from those above it.

What an anchor says:

- ``block``: which source blocks it accepts, how firmly, and whether it can be used
- ``kinds``: which kinds there are, and what sets them apart
- ``stopping``: why it is frozen

What is signed:

- ``attestation``: the statements of a quorum's signers, their signatures, and what the contract takes of them
- ``documents``: the same as JSON, as attestors serve it
- ``parting``: which accepted blocks the source has dropped, which a revocation is about

Proofs, by kind:

- ``native``: blocks of the chain that the anchor is on, and of its L1 (``blockhash``, ``op-l1block``)
- ``bft``: headers with the seals of their validators (``qbft``, ``ibft2``)
- ``quorum``: signatures of m of n, of keys that are at hand (``quorum``)
- ``once``: such keys, which never sign two hashes of one number
- ``asking``: attestors over HTTP, and what is wrong with an answer
- ``collecting``: their signatures, and which of these count
- ``ancestors``: headers down from an accepted block, of any kind
- ``composite``: what the members accept (``k-of-n``, ``veto``)

What is done with any kind:

- ``revoking``: takes back what the source has dropped
- ``updating``: has a block accepted
- ``deploying``: makes a new anchor
- ``rotating``: exchanges signers
- ``describing``: tells all that an anchor says of itself
- ``misbehaviour``: makes evidence, and reports it

A new kind touches, beside its contract, a module that makes its proofs, and a page in ``docs/explain/anchors``:

- ``kinds``: its name and what it trusts; mypy then names each ``match`` that lacks it
- ``block.way_in``: how a block comes to be accepted, where that takes more than ``anchor update``
- ``updating.update_anchor``: its proof
- ``deploying``: its charter, and in `smartsync.cli.anchor.deploy` its command
- ``describing``: its terms
- ``stopping``: what it tells when it freezes, where it does
- ``misbehaviour``: its evidence, where it takes any, and in `smartsync.cli.anchor.report` its options
- `smartsync.views`: what people call its contract, where a command is for this kind only
"""
