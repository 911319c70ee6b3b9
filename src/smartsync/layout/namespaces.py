"""The ERC-7201 namespaces that are widely used: those of OpenZeppelin's upgradeable contracts from version 5 on.

Their locations are in no compiler's layout. The data is what solc says of the package's own structs
(``tools/build_namespaces.py``).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from smartsync.layout.shapes import Layout
from smartsync.layout.solc import parse_solc


@cache
def known_namespaces() -> Layout:
    """Return the variables of all these namespaces: ``ERC20._balances``, ``Ownable._owner``, ….

    Source: @openzeppelin/contracts-upgradeable, each struct annotated with ``@custom:storage-location``.
    """
    text = files("smartsync.layout").joinpath("openzeppelin.json").read_text("utf-8")
    return parse_solc(json.loads(text), "openzeppelin.json")
