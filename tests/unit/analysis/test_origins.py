from __future__ import annotations

import time

import pytest

from smartsync.analysis.origins import UNKNOWN, account_origins
from smartsync.analysis.program import read_program

TO = "1234567890123456789012345678901234567890"


def balance_of(code: str) -> set[object]:
    """Return from where the address is whose balance some code asks for."""
    program = read_program(bytes.fromhex(code + "3100"))
    (values,) = account_origins(program).values()
    return set(values)


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        (f"73{TO}", int(TO, 16)),
        (f"7f{'00' * 12}{TO}", int(TO, 16)),
        (f"73{'ff' * 20}73{TO}16", int(TO, 16)),
        (f"600160a01b60010373{TO}16", UNKNOWN),  # 1 - (1 << 160) is no mask
        (f"600160a01b6001900373{TO}16", int(TO, 16)),
        (f"6001600160a01b0373{TO}16", int(TO, 16)),
        ("600054", "storage"),
        (f"60005473{'ff' * 20}16", "storage"),
        ("60005460601c", "storage"),
        ("61010060005404", "storage"),
        ("600060005c01", UNKNOWN),
        ("60005c", "storage"),
        ("600435", "argument"),
        ("60043560601c", "argument"),
        ("33", "caller"),
        ("30", "itself"),
        ("600051", UNKNOWN),
        ("60003560005416", UNKNOWN),
        ("3332", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_account_origins_of_an_address(code: str, origin: object) -> None:
    assert balance_of(code) == {origin}


def test_account_origins_two_ways_are_both_told() -> None:
    # 0: CALLDATASIZE, 10, JUMPI: CALLER, PUSH 13, JUMP; 10: JUMPDEST, ADDRESS, then 12: JUMPDEST, BALANCE
    code = bytes.fromhex("36600857" + "33600a56" + "5b30" + "5b3100")
    (values,) = account_origins(read_program(code)).values()
    assert values == {"caller", "itself"}


def test_account_origins_loop_that_grows_the_stack_ends() -> None:
    started = time.monotonic()
    # JUMPDEST, PUSH0 (kept), CALLER, BALANCE, POP, PUSH 0, JUMP
    program = read_program(bytes.fromhex("5b730000000000000000000000ffffffffffffffffff33315060005600"))
    (values,) = account_origins(program).values()
    assert values == {"caller", UNKNOWN}
    assert time.monotonic() - started < 5
