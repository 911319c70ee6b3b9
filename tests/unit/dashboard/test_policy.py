from __future__ import annotations

import pytest

from smartsync.dashboard.policy import sentences
from smartsync.relayer.policy import EventFilter, Policy

EVENT = EventFilter(b"\1" * 32)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "Synced at every block."),
        (Policy(None), "Synced on demand only."),
        (Policy(1_000), "Synced after every 1,000 blocks."),
        (Policy(None, True), "Synced when its storage changes."),
        (Policy(None, True, frozenset({b"\1" * 32})), "Synced when one of 1 watched slot changes or happens."),
        (
            Policy(10, True, frozenset(), frozenset({EVENT})),
            "Synced when one of 1 watched event changes or happens, and after every 10 blocks.",
        ),
        (
            Policy(1, max_lag_s=600.0, max_gas_a_day=5_000_000, max_fee_wei=30 * 10**9 + 1),
            "Synced at every block. Changes may be gathered for 10 min. At most 5,000,000 gas in any 24 hours. "
            "No transaction pays more than 30.000000001 gwei per gas.",
        ),
    ],
)
def test_sentences_tell_all_of_a_policy(policy: Policy, words: str) -> None:
    assert " ".join(sentences(policy)) == words
