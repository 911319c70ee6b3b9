"""What the errors mean that a node answers with: too much load, a method that it lacks, a call that failed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from smartsync.errors import MethodMissing, RateLimited, RpcError

LIMITED = "ask it less often (poll_s, --interval), give more nodes of the chain, or pay the node's operator for more"
_TRANSIENT_CODES = frozenset({429, -32029})
_TRANSIENT_TEXT = re.compile(r"too many requests|rate.?limit|request rate|per second", re.I)
_OF_LOAD = re.compile(f"{_TRANSIENT_TEXT.pattern}|request count exceeded|quota|out of credits", re.I)
_TOO_LARGE_TOGETHER = re.compile("response too large", re.I)
"""geth's words for the calls of a batch whose answers do not fit any more; one by one they may."""

_MISSING_CODES = frozenset({-32601, 4200})
_MISSING_TEXT = re.compile(
    r"method\b(?:(?!block|state|header|trie).){0,80}?"
    r"(not found|not supported|unsupported|does not exist|not available|not implemented|not allowed|disabled)"
    r"|(unsupported|unknown|no such) method|not whitelisted",
    re.I | re.S,
)


def may_pass(answer: object) -> bool:
    """Whether an answer is an error of load, which another try may not meet."""
    error = answer.get("error") if isinstance(answer, Mapping) else None
    if not isinstance(error, Mapping):
        return False
    return error.get("code") in _TRANSIENT_CODES or _TRANSIENT_TEXT.search(str(error.get("message", ""))) is not None


def may_pass_alone(answer: object) -> bool:
    """Whether a call of a batch may be answered where it is asked by itself."""
    error = answer.get("error") if isinstance(answer, Mapping) else None
    text = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    return may_pass(answer) or _TOO_LARGE_TOGETHER.search(text) is not None


def is_of_load(error: RpcError) -> bool:
    """Whether a node refuses a call for the load that it has, or that it grants."""
    return isinstance(error, RateLimited) or error.code in _TRANSIENT_CODES or _OF_LOAD.search(error.text) is not None


def rpc_error(method: str, error: object, host: str, plain: Callable[[object], str]) -> RpcError:
    """Return the error that a node answered a call with; ``plain`` hides what is secret in its words."""
    if not isinstance(error, Mapping):
        return RpcError(method, 0, plain(error)[:500], host=host)
    code = error.get("code")
    number = code if isinstance(code, int) else 0
    text = plain(error.get("message") or "no message")[:500]
    # Without the method's own name: debug_traceBlockByNumber has a word in it that rules this out.
    if number in _MISSING_CODES or _MISSING_TEXT.search(text.replace(method, "")):
        return MethodMissing(
            method,
            number,
            text,
            error.get("data"),
            hint=f"use a node that has {method} (smartsync doctor tells)",
            host=host,
        )
    kind = RateLimited if number in _TRANSIENT_CODES or _OF_LOAD.search(text) else RpcError
    return kind(method, number, text, error.get("data"), hint=LIMITED if kind is RateLimited else "", host=host)
