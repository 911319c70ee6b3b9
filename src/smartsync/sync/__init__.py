"""The order of things: discover → trie → witness → submit. No other module knows it."""

from smartsync.sync.client import SmartSync
from smartsync.sync.reading import SyncPlan

__all__ = ["SmartSync", "SyncPlan"]
