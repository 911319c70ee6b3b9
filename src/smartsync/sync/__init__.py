"""The order of things: discover → trie → witness → submit. No other module knows it."""

from smartsync.sync.client import SmartSync, SyncPlan

__all__ = ["SmartSync", "SyncPlan"]
