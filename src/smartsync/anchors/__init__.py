"""The off-chain side of the anchors: one module each, which makes the proofs that its contract takes."""
