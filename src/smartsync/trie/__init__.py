"""Merkle-Patricia tries of 64-nibble keys: nodes, tries whole and partial, proofs."""
