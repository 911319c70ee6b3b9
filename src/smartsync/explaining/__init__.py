"""What a transaction did to a replica, and how its witness proves it: read, recomputed and drawn.

``examining`` knows the order and is all that asks a node, with ``before``, ``failing`` and ``naming``; ``calls``,
``drawing``, ``recomputing``, ``explanation``, ``cost``, ``shortened``, ``words`` and ``picture`` are pure.
"""

from smartsync.explaining.examining import explain
from smartsync.explaining.explanation import Change, Explanation, Failure, Says
from smartsync.explaining.picture import STYLE, svg

__all__ = ["Change", "Explanation", "Failure", "Says", "STYLE", "explain", "svg"]
