from smartsync.analysis.report import CodeReport, Finding
from smartsync.analysis.verdict import answers_check


def code_without_functions(*findings: Finding) -> CodeReport:
    return CodeReport("contract", "0x" + "00" * 20, 57, 0, (), findings, ("DELEGATECALL",))


def test_answers_of_code_without_functions_that_asks_for_the_targets_is_warned_of() -> None:
    check = answers_check(code_without_functions(Finding("DELEGATECALL", "", "storage", None, (), ("any call",), True)))
    # Promises no list: where the contract cannot be replicated none follows.
    assert check.detail == "no functions were recognised, and the code asks for what is the target's"
    assert (check.ok, check.needed) == (False, False)


def test_answers_of_code_without_functions_that_asks_for_nothing_is_fine() -> None:
    assert answers_check(code_without_functions()).ok
