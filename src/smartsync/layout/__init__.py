"""A contract's variables as its compiler laid them out: from storage layouts and candidate keys to slots with names.

Pure: no I/O. Nothing that comes out is trusted; a slot that is none costs a hash, or a proof.
"""

from smartsync.layout.documents import parse_layout
from smartsync.layout.guess import LESS_LIKELY, LIKELY, constants_of, guesses
from smartsync.layout.namespaces import known_namespaces
from smartsync.layout.naming import Told, named, told
from smartsync.layout.places import Path, Place, Question, places
from smartsync.layout.pool import Pool
from smartsync.layout.shapes import Layout

__all__ = [
    "LESS_LIKELY",
    "LIKELY",
    "Layout",
    "Path",
    "Place",
    "Pool",
    "Question",
    "Told",
    "constants_of",
    "guesses",
    "known_namespaces",
    "named",
    "parse_layout",
    "places",
    "told",
]
