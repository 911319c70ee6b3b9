"""Clones: contracts of a few bytes that delegate everything to an address in their midst.

Here are the bytes of all that are known, and which of them the hub knows (``CloneCode.sol``, held to this list by
``tests/unit/test_clones.py``).

Source: EIP-1167, EIP-7511; the code of Solady's and Vyper's clones and of 0age's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smartsync.addresses import address_of

_TO = "(?P<to>[0-9a-f]{40})"


@dataclass(frozen=True, slots=True)
class CloneForm:
    """The runtime code of a kind of clone, in hex: what stands before the address (20 bytes), and what behind it.

    ``hub_knows``: whether a replica of one can be made, where nothing follows.
    """

    kind: str
    before: str
    behind: str
    hub_knows: bool = True

    def matches(self, code: bytes) -> bool:
        """Whether this is the code of such a clone, with nothing behind it."""
        return re.fullmatch(self.before + _TO + self.behind, code.hex()) is not None


EIP1167 = CloneForm("EIP-1167 minimal proxy", "363d3d373d3d3d363d73", "5af43d82803e903d91602b57fd5bf3")
FORMS = (
    EIP1167,
    CloneForm("minimal proxy by 0age", "3d3d3d3d363d3d37363d73", "5af43d3d93803e602a57fd5bf3"),
    CloneForm("minimal proxy with PUSH0 (EIP-7511)", "365f5f375f5f365f73", "5af43d5f5f3e5f3d91602a57fd5bf3"),
    CloneForm("minimal proxy with PUSH0 (Solady)", "5f5f365f5f37365f73", "5af43d5f5f3e6029573d5ffd5b3d5ff3"),
    # Vyper's hand back 4,096 bytes whatever the answer's length, which no resolver does.
    CloneForm("Vyper minimal proxy", "366000600037611000600036600073", "5af4602c57600080fd5b6110006000f3", False),
    CloneForm("Vyper minimal proxy (beta)", "366000600037611000600036600073", "5af41558576110006000f3", False),
)

_PATTERNS = [
    # EIP-1167 with a push shorter than 73 (PUSH20) is that of an address which begins with zeros; the jump is shorter.
    (
        EIP1167.kind,
        EIP1167.before[:-2] + "(?:6.|7[0-3])(?P<to>(?:..){1,20}?)" + EIP1167.behind.replace("602b", "60.."),
    ),
    *((form.kind, form.before + _TO + form.behind) for form in FORMS if form is not EIP1167),
]
"""Kind of clone, and its runtime code from the first byte on; immutable arguments may follow."""

_SHORT_CLONE = re.compile(f"73{_TO}5af4")
"""PUSH20, GAS, DELEGATECALL: in code as short as a clone's it is one, whatever else it does (immutable arguments)."""

_SHORT = 120

_BEGINNING = 120
"""Where in its code a clone of any form has come to its DELEGATECALL: ``CloneCode.BEGINNING`` of the hub."""

_PUSH0, _PUSH32 = 0x5F, 0x7F
_GAS_DELEGATECALL = bytes.fromhex("5af4")


def find_clone(code: bytes) -> tuple[str, str] | None:
    """Return kind and implementation of a proxy that has its implementation in its code, None where it is none."""
    text = code.hex()
    for kind, pattern in _PATTERNS:
        match = re.match(pattern, text)
        if match:
            return kind, address_of(int(match["to"], 16))
    match = _SHORT_CLONE.search(text) if len(code) <= _SHORT else None
    to = int(match["to"], 16) if match else fixed_target(code)
    return ("minimal proxy", address_of(to)) if to is not None else None


def fixed_target(code: bytes) -> int | None:
    """Return what code delegates to whatever is called, as it is pushed; None where its beginning does not show that.

    It is what its first instructions push right before GAS and DELEGATECALL, however much follows: clones with many
    arguments are no shorter than other contracts. The hub goes by the same (``CloneCode.fixedTarget``).
    """
    code = code[:_BEGINNING]
    at = 0
    while at < len(code):
        size = code[at] - _PUSH0 if _PUSH0 < code[at] <= _PUSH32 else 0
        behind = at + 1 + size
        if size and code[behind : behind + 2] == _GAS_DELEGATECALL and (to := int.from_bytes(code[at + 1 : behind])):
            return to
        at = behind
    return None


def is_known_to_hub(code: bytes) -> bool:
    """Whether this is, byte for byte, a clone of which the hub can make a replica."""
    return any(form.hub_knows and form.matches(code) for form in FORMS)
