"""What the anchor commands make of what is typed, and what they refuse before they ask anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from smartsync.anchors.deploying import (
    BftCharter,
    BlockhashCharter,
    KofNCharter,
    L1BlockCharter,
    QuorumCharter,
    VetoCharter,
)
from smartsync.anchors.quorum import LocalSigners
from smartsync.anchors.rotating import ScheduledSet
from smartsync.errors import AnchorError, Equivocation, NodeUnreachable, TooEarly
from smartsync.results import (
    AnchorExtension,
    AnchorHead,
    AnchorReport,
    AnchorUpdate,
    DeployedAnchor,
    DroppedBlock,
    KeptHash,
    MisbehaviourReport,
    PendingBlock,
    Revoked,
    SetSignature,
    SignerChange,
    Step,
    VetoedBlock,
)

ANCHOR = "0x" + "22" * 20
HUB = "0x" + "11" * 20
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()
REPORT = AnchorReport(
    anchor=ANCHOR,
    kind="k-of-n/1",
    trusts="that some are right",
    source_chain_id=1,
    source_genesis_hash=HASH,
    status="active",
    since=1,
    cause="",
    canonical_epoch=3,
    safe=None,
    final=None,
    pending=None,
    terms={},
    dropped=(),
    not_compared="",
    members=(),
)
STEP = Step("prove block 7", "0x" + "cd" * 32, 221066, 740)
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]
NEW_SET = ["--signer", ADDRESSES[1], "--signer", ADDRESSES[2].lower(), "--threshold", "2"]


def test_update_default_asks_for_the_newest_without_signers(run, fake) -> None:
    fake.answers["update_anchor"] = AnchorUpdate(7, HASH, "final", (STEP,))
    result = run("anchor", "update")
    args, kwargs = fake.asked("update_anchor")
    assert args == (ANCHOR,)
    assert (kwargs["signers"], kwargs["block"]) == (None, None)
    assert "Source block 7 is accepted\n" in result.stdout
    for shown in (HASH_TEXT, "final", STEP.tx_hash):
        assert shown in result.stdout


def test_update_from_urls_fetches_their_signatures(run, fake) -> None:
    fake.answers["update_anchor"] = AnchorUpdate(7, HASH, "final", ())
    urls = ("--from", "http://one.example/secret", "--from", "https://two.example")
    result = run("anchor", "update", *urls, "--block", "0x7")
    kwargs = fake.asked("update_anchor")[1]
    assert repr(kwargs["signers"]) == "RemoteSigners(one.example, two.example)"
    assert kwargs["block"] == 7
    assert "is accepted already" in result.stdout


def test_update_pending_says_that_it_waits(run, fake) -> None:
    fake.answers["update_anchor"] = AnchorUpdate(7, HASH, "pending", (STEP,), 1_800_000_000)
    shown = run("anchor", "update", "--block", "finalized").stdout
    assert "Source block 7 waits for a veto\n" in shown
    assert "accepted from  1800000000 (2027-01-15 08:00:00 UTC), unless a watcher contradicts it" in shown
    assert fake.asked("update_anchor")[1]["block"] == "finalized"


def test_update_member_that_stays_behind_is_a_note(run, fake) -> None:
    def answer(anchor: str) -> AnchorUpdate:
        fake.calls[-1][2]["tell"]("member 0x33 was not updated: its signers sleep")
        return AnchorUpdate(7, HASH, "final", (STEP,))

    fake.answers["update_anchor"] = answer
    result = run("anchor", "update", "--json")
    assert "member 0x33 was not updated: its signers sleep" in result.stderr
    document = json.loads(result.stdout)
    assert (document["level"], document["equivocations"]) == ("final", [])


def test_update_tells_of_signers_who_signed_twice(run, fake) -> None:
    def answer(anchor: str) -> AnchorUpdate:
        fake.calls[-1][2]["signers"]._equivocations[()] = Equivocation(ADDRESSES[1], 6, b"\x07\x08")
        return AnchorUpdate(7, HASH, "final", (STEP,))

    fake.answers["update_anchor"] = answer
    result = run("anchor", "update", "--from", "http://one.example", "--json")
    assert result.exit_code == 0
    assert f"{ADDRESSES[1]} has signed two hashes of block 6" in result.stderr
    assert "smartsync anchor report --evidence 0x0708" in result.stderr
    document = json.loads(result.stdout)
    assert document["equivocations"] == [{"signer": ADDRESSES[1], "number": 6, "evidence": "0x0708"}]
    assert (document["block_hash"], document["steps"][0]["tx_hash"]) == (HASH_TEXT, STEP.tx_hash)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("update", "--block", "soon"), "the option --block"),
        (("update", "--from", "ftp://one.example"), "http"),
        (("update", "--anchor", "0x12"), "is not an address"),
        (("extend", "--down-to", "x"), "the option --down-to"),
        (("keep", "--block", "latest"), "the option --block"),
        (("rotate", *NEW_SET, "--signature", "0x12"), "the option --signature"),
        (("rotate", *NEW_SET, "--signature", "zz" * 65), "the option --signature"),
        (("rotate", "--signer", "0x12", "--threshold", "1"), "the option --signer"),
        (("recover", *NEW_SET, "--head", "0x1234"), "the option --head"),
        (("sign-set", "--signer", "nobody", "--threshold", "1"), "the option --signer"),
        (("report",), "one kind of evidence is needed"),
        (("report", "--number", "7", "--evidence", "0x12"), "one kind of evidence is needed"),
        (("report", "--number", "seven"), "the option --number"),
        (("report", "--evidence", "0xabc"), "the option --evidence"),
        (("report", "--evidence", "0x"), "the option --evidence"),
        (("report", "--header", "nowhere.txt"), "cannot be read"),
        (("report", "--attestation", "nowhere.json"), "two attestations are needed"),
        (("report", "--attestation", "bad.json", "--attestation", "bad.json"), "is no JSON document"),
        (("report", "--header", "bad.json"), "the file bad.json"),
        (("deploy", "qbft", "--checkpoint", "newest"), "the option --checkpoint"),
        (("deploy", "qbft", "--checkpoint", "0x" + "zz" * 32), "the option --checkpoint"),
        (("deploy", "k-of-n", "--member", "0x12", "--threshold", "1"), "the option --member"),
        (("deploy", "veto", "--primary", "0x12", "--watcher", ANCHOR, "--delay", "1"), "the option --primary"),
        (("deploy", "veto", "--primary", ANCHOR, "--watcher", "0x12", "--delay", "1"), "the option --watcher"),
        (("deploy", "quorum", "--guardian", "0x12"), "the option --guardian"),
    ],
)
def test_bad_input_refused_before_anything_is_asked(run, fake, arguments: tuple[str, ...], message: str) -> None:
    Path("bad.json").write_text("{nonsense")
    result = run("anchor", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize(
    "name", ["show", "update", "keep", "extend", "revoke", "sign-set", "rotate", "recover", "report"]
)
def test_anchor_that_is_not_configured_is_asked_for(run, fake, monkeypatch, name: str) -> None:
    monkeypatch.delenv("SMARTSYNC_ANCHOR")
    given = {
        "extend": ["--down-to", "1"],
        "sign-set": NEW_SET,
        "rotate": NEW_SET,
        "recover": [*NEW_SET, "--head", HASH_TEXT],
        "report": ["--number", "1"],
    }
    result = run("anchor", name, *given.get(name, []))
    assert result.exit_code == 2
    assert "anchor is not set" in result.stderr
    assert fake.calls == []


def test_extend_and_keep_pass_on_numbers(run, fake) -> None:
    fake.answers["extend_ancestors"] = AnchorExtension(5, HASH, (STEP,))
    assert "Source blocks down to 5 are accepted\n" in run("anchor", "extend", "--down-to", "5").stdout
    assert fake.asked("extend_ancestors")[0] == (ANCHOR, 5)
    fake.answers["keep_hash"] = KeptHash(9, HASH, (STEP,))
    assert "The hash of source block 9 is kept" in run("anchor", "keep", "--block", "9").stdout
    assert fake.asked("keep_hash") == ((ANCHOR,), {"block": 9})


def test_revoke_signs_with_own_keys_or_fetches(run, fake) -> None:
    fake.answers["revoke"] = Revoked(ANCHOR, 5, HASH, 2, (STEP,))
    result = run("anchor", "revoke")
    assert "Everything above source block 5 is revoked" in result.stdout and "2 blocks" in result.stdout
    _, signers = fake.asked("revoke")[0]
    assert isinstance(signers, LocalSigners) and [one.address for one in signers.accounts] == [ADDRESSES[0]]
    fake.calls.clear()
    fake.answers["revoke"] = Revoked(ANCHOR, 0, bytes(32), 1, (STEP,))
    assert "Every block is revoked" in run("anchor", "revoke", "--from", "http://one.example").stdout
    assert repr(fake.asked("revoke")[0][1]) == "RemoteSigners(one.example)"


def test_sign_set_prints_a_signature_for_each_key(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_ATTESTOR_KEYS", ",".join(KEYS[:2]))
    monkeypatch.delenv("SMARTSYNC_PRIVATE_KEY")
    signature = SetSignature(ADDRESSES[0], b"\x07" * 65, tuple(ADDRESSES[1:]), 2, 4, 9)
    fake.answers["sign_set"] = [signature]
    result = run("anchor", "sign-set", *NEW_SET, "--json")
    assert result.exit_code == 0, result.output
    (document,) = json.loads(result.stdout)["signatures"]
    assert (document["signature"], document["set_epoch"]) == ("0x" + "07" * 65, 4)
    args = fake.asked("sign_set")[0]
    assert args[:3] == (ANCHOR, ADDRESSES[1:], 2)
    assert [account.address for account in args[3]] == ADDRESSES[:2]
    for key in KEYS[:2]:
        assert key[2:] not in result.output


def test_rotate_scheduled_says_when_and_what_then(run, fake) -> None:
    fake.answers["rotate"] = SignerChange(tuple(ADDRESSES[1:]), 2, 4, 1_800_000_000, (STEP,))
    result = run("anchor", "rotate", *NEW_SET, "--signature", "0x" + "07" * 65)
    assert result.exit_code == 0, result.output
    for shown in ("Signer set 4 is scheduled, and not", "2027-01-15", "smartsync anchor rotate, with the same options"):
        assert shown in result.stdout
    args, kwargs = fake.asked("rotate")
    assert args == (ANCHOR, ADDRESSES[1:], 2)
    assert kwargs["signatures"] == [b"\x07" * 65]
    assert [account.address for account in kwargs["accounts"]] == [ADDRESSES[0]]
    fake.answers["rotate"] = TooEarly("signer set 4", 1_800_000_000, 1_800_000_000 - 3_723)
    early = run("anchor", "rotate", *NEW_SET)
    assert early.exit_code == 8
    assert "signer set 4 is not in force yet: it can be from 2027-01-15 08:00:00 UTC on, in 1:02:03" in early.stderr
    assert "run the same command again then" in early.stderr
    fake.answers["rotate"] = TooEarly("signer set 4", 1_800_000_000, 1_800_000_000)
    assert "once the target chain has another block" in run("anchor", "rotate", *NEW_SET).stderr
    fake.answers["rotate"] = SignerChange(tuple(ADDRESSES[1:]), 2, 4, None, (STEP,))
    assert "Signer set 4 is in force\n" in run("anchor", "rotate", *NEW_SET).stdout


def test_recover_passes_on_the_head(run, fake) -> None:
    fake.answers["recover_anchor"] = SignerChange(tuple(ADDRESSES[1:]), 2, 4, 1_800_000_000, (STEP,))
    result = run("anchor", "recover", *NEW_SET, "--head", HASH_TEXT[2:])
    assert "smartsync anchor recover, with the same options" in result.stdout
    assert fake.asked("recover_anchor")[0] == (ANCHOR, ADDRESSES[1:], 2, HASH)


def test_recover_tells_which_block_stands_and_that_it_is_a_recovery(run, fake) -> None:
    change = SignerChange(tuple(ADDRESSES[1:]), 2, 4, 1_800_000_000, (STEP,), HASH)
    recover = "anchor", "recover", *NEW_SET, "--head", HASH_TEXT
    fake.answers["recover_anchor"] = change
    shown = run(*recover).stdout
    assert "The recovery with signer set 4 is scheduled, and not in force yet" in shown
    assert f"{HASH_TEXT}, which is final then" in shown and "instead of" not in shown
    fake.answers["recover_anchor"] = replace(change, replaced_head=bytes(32))
    assert "instead of the recovery to  none: every block is revoked" in run(*recover).stdout
    fake.answers["recover_anchor"] = replace(change, effective_at=None, steps=())
    assert "The recovery with signer set 4 is in force already" in run(*recover).stdout
    assert "becomes FINAL" in " ".join(run("anchor", "recover", "--help").stdout.replace("│", " ").split())


def test_recover_head_that_is_no_hash_says_what_is_needed(run, fake) -> None:
    result = run("anchor", "recover", *NEW_SET, "--head", "45")
    assert result.exit_code == 2 and fake.calls == []
    assert "the option --head: '45' is not 32 bytes in hex" in result.stderr and "64 hex digits" in result.stderr


def test_report_each_kind_of_evidence_goes_its_way(run, fake) -> None:
    Path("header.txt").write_text("0xf90102\n")
    Path("one.json").write_text('{"kind": "block"}')
    Path("two.json").write_text("[1]")
    cases = {
        ("--evidence", "0x0102"): ("report_misbehaviour", (b"\1\2",)),
        ("--number", "7"): ("report_contradiction", (7,)),
        ("--header", "header.txt"): ("report_fork", (b"\xf9\1\2",)),
        ("--attestation", "one.json", "--attestation", "two.json"): (
            "report_double_signing",
            ({"kind": "block"}, [1]),
        ),
    }
    for arguments, (method, expected) in cases.items():
        fake.answers[method] = MisbehaviourReport("frozen", (STEP,))
        result = run("anchor", "report", *arguments)
        assert result.exit_code == 0, result.output
        assert "frozen" in result.stdout
        assert fake.asked(method)[0] == (ANCHOR, *expected)


def test_report_tells_who_was_removed_and_who_is_left(run, fake) -> None:
    report = MisbehaviourReport("active", (STEP,), ADDRESSES[0], tuple(ADDRESSES[1:]), 2, HUB)
    fake.answers["report_misbehaviour"] = report
    result = run("anchor", "report", "--evidence", "0x0102")
    assert result.exit_code == 0, result.output
    for shown in (*ADDRESSES, "removed signer", "2 signers, of whom 2 have to agree"):
        assert shown in result.stdout
    assert "Frozen" not in result.stdout
    document = json.loads(run("anchor", "report", "--evidence", "0x0102", "--json").stdout)
    assert (document["removed"], document["signers"], document["threshold"]) == (ADDRESSES[0], ADDRESSES[1:], 2)


def test_report_tells_which_block_was_set_aside_and_by_whom(run, fake) -> None:
    vetoed = VetoedBlock(57, HASH, HUB, bytes(32))
    fake.answers["report_contradiction"] = MisbehaviourReport("active", (STEP,), vetoed=vetoed)
    shown = run("anchor", "report", "--number", "57").stdout
    assert f"block 57 ({HASH_TEXT})" in shown
    assert ["by", "watcher", HUB] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize(("guardian", "way_out"), [(HUB, f"Its guardian {HUB} can"), (None, "It stays so for good")])
def test_report_that_freezes_says_what_that_means(run, fake, guardian: str | None, way_out: str) -> None:
    fake.answers["report_misbehaviour"] = MisbehaviourReport("frozen", (STEP,), ADDRESSES[0], (), 1, guardian)
    result = run("anchor", "report", "--evidence", "0x0102")
    assert f"accepts no block any more, and its replicas stay at the state that they have. {way_out}" in result.stdout


def test_report_that_shows_nothing_is_an_anchor_error(run, fake) -> None:
    fake.answers["report_contradiction"] = AnchorError("shows nothing", hint="look again")
    assert run("anchor", "report", "--number", "7").exit_code == 8


def test_show_tells_all_of_it_and_of_its_members(run, fake) -> None:
    scheduled = ScheduledSet(tuple(ADDRESSES[1:]), 2, 1_800_000_000)
    terms = {
        "signers": tuple(ADDRESSES),
        "threshold": 2,
        "delay_s": 60,
        "guardian": None,
        "scheduled_set": scheduled,
        "checkpoint": HASH,
    }
    head = AnchorHead(7, HASH, 1_700_000_000, 42)
    member = replace(REPORT, anchor=HUB, kind="quorum/2", status="frozen", safe=head, terms=terms)
    report = replace(REPORT, safe=head, final=head, terms={"threshold": 1}, members=(member,))
    fake.answers["describe_anchor"] = report
    result = run("anchor", "show")
    assert result.exit_code == 0, result.output
    shown = (
        f"Anchor {ANCHOR}",
        f"Member {HUB}",
        "k-of-n/1",
        "trusts           that some are right",
        "frozen",
        "block 7, 42 s old",
        "none yet",
        "60 s",
        HASH_TEXT,
    )
    for text in (*shown, *ADDRESSES, "2027-01-15"):
        assert text in result.stdout
    document = json.loads(run("anchor", "show", "--json").stdout)
    assert document["members"][0]["terms"]["scheduled_set"]["signers"] == ADDRESSES[1:]
    assert document["members"][0]["final"] is None


@pytest.mark.parametrize(("head", "told"), [(HASH, f"{HASH_TEXT}, final then"), (bytes(32), "every block is revoked")])
def test_show_tells_which_block_a_scheduled_recovery_lets_stand(run, fake, head: bytes, told: str) -> None:
    terms = {"scheduled_set": ScheduledSet(tuple(ADDRESSES[1:]), 2, 1_800_000_000, head)}
    fake.answers["describe_anchor"] = replace(REPORT, status="frozen", terms=terms)
    shown = run("anchor", "show").stdout
    assert "scheduled recovery" in shown and "scheduled set" not in shown and told in shown


def test_show_names_primary_and_watchers(run, fake) -> None:
    other = "0x" + "33" * 20
    members = tuple(replace(REPORT, anchor=address) for address in (HUB, other))
    fake.answers["describe_anchor"] = replace(
        REPORT, kind="veto/1", terms={"primary": HUB, "watchers": (other,)}, members=members
    )
    shown = run("anchor", "show").stdout
    assert f"\nPrimary {HUB}\n" in shown and f"\nWatcher {other}\n" in shown
    assert ["watcher", other] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize(
    ("usable_from", "words"),
    [
        (1_800_000_000, "block 9, accepted from 1800000000 (2027-01-15 08:00:00 UTC), unless a watcher contradicts it"),
        (None, "block 9, waits for nothing: set aside"),
    ],
)
def test_show_tells_what_waits_for_a_veto_and_until_when(run, fake, usable_from: int | None, words: str) -> None:
    fake.answers["describe_anchor"] = replace(REPORT, pending=PendingBlock(9, HASH, 1_700_000_000, usable_from))
    shown = run("anchor", "show").stdout
    assert words in shown and HASH_TEXT in shown.split("newest pending")[1]
    assert json.loads(run("anchor", "show", "--json").stdout)["pending"]["usable_from"] == usable_from
    fake.answers["describe_anchor"] = REPORT
    assert "pending" not in run("anchor", "show").stdout


def test_show_of_a_stopped_anchor_tells_the_cause_and_what_to_do(run, fake) -> None:
    cause = "two blocks of number 7, both final"
    fake.answers["describe_anchor"] = replace(REPORT, status="frozen", cause=cause)
    shown = run("anchor", "show").stdout
    assert ["because", *cause.split()] in [line.split() for line in shown.splitlines()]
    assert "Warning: this anchor is frozen; " in shown and "smartsync anchor recover" in shown
    fake.answers["describe_anchor"] = replace(REPORT, status="paused")
    shown = run("anchor", "show").stdout
    assert "because" not in shown and "it resumes by itself once its members do" in shown
    fake.answers["describe_anchor"] = REPORT
    assert "Warning" not in run("anchor", "show").stdout


def test_show_of_blocks_that_the_source_has_dropped_warns(run, fake) -> None:
    one, two = DroppedBlock(7, HASH, "safe"), DroppedBlock(9, bytes(32), "safe")
    fake.answers["describe_anchor"] = replace(REPORT, dropped=(one,))
    shown = run("anchor", "show").stdout
    assert f"the source has dropped block 7 ({HASH_TEXT}), which this anchor accepts; have it revoked" in shown
    assert "with keys of the anchor's signers, or with --from URL of their attestors" in shown
    fake.answers["describe_anchor"] = replace(REPORT, dropped=(one, two))
    assert "has dropped 2 of the blocks from 7 to 9" in run("anchor", "show").stdout
    fake.answers["describe_anchor"] = replace(REPORT, dropped=(one, replace(two, level="final")))
    assert "no revocation undoes that" in run("anchor", "show").stdout
    document = json.loads(run("anchor", "show", "--json").stdout)
    assert document["dropped"][0] == {"number": 7, "block_hash": HASH_TEXT, "level": "safe"}


def test_show_that_could_not_compare_says_why(run, fake) -> None:
    fake.answers["describe_anchor"] = replace(REPORT, not_compared="no answer")
    assert "not compared with the source  no answer" in run("anchor", "show").stdout


@pytest.mark.parametrize(
    ("arguments", "charter"),
    [
        (("quorum",), QuorumCharter([ADDRESSES[0]], 1)),
        (
            ("quorum", *NEW_SET, "--delay", "60", "--max-drift", "5", "--guardian", HUB),
            QuorumCharter(ADDRESSES[1:], 2, 5, 60, HUB),
        ),
        (("blockhash",), BlockhashCharter()),
        (("op-l1block",), L1BlockCharter()),
        (("qbft",), BftCharter("qbft")),
        (
            ("qbft", "--checkpoint", HASH_TEXT, "--trusting-period", "60", "--max-drift", "5"),
            BftCharter("qbft", HASH, 60, 5),
        ),
        (("ibft2", "--checkpoint", "7"), BftCharter("ibft2", 7)),
        (("k-of-n", "--member", HUB, "--member", ANCHOR, "--threshold", "1"), KofNCharter([HUB, ANCHOR], 1)),
        (("veto", "--primary", HUB, "--watcher", ANCHOR, "--delay", "60"), VetoCharter(HUB, [ANCHOR], 60)),
    ],
)
def test_deploy_each_kind_by_its_charter(run, fake, arguments: tuple[str, ...], charter: object) -> None:
    fake.answers["deploy_anchor"] = DeployedAnchor("SomeAnchor", "0x" + "c1" * 20, (STEP,))
    fake.answers["describe_anchor"] = REPORT
    result = run("anchor", "deploy", *arguments, "--write-config", "--json")
    assert result.exit_code == 0, result.output
    assert fake.asked("deploy_anchor")[0] == (charter,)
    document = json.loads(result.stdout)
    assert document["config"] == {"anchor": "0x" + "c1" * 20, "source_chain_id": 1, "target_chain_id": 31337}
    written = Path("smartsync.toml").read_text()
    assert f'anchor = "{document["anchor"]}"' in written and "hub" not in written


def test_deploy_shows_what_was_deployed_and_what_it_trusts(run, fake) -> None:
    fake.answers["deploy_anchor"] = DeployedAnchor("QuorumAnchor", ANCHOR, (STEP,))
    terms = {"signers": tuple(ADDRESSES), "threshold": 2, "max_drift_s": 900, "delay_s": 60, "guardian": HUB}
    fake.answers["describe_anchor"] = replace(REPORT, terms=terms)
    result = run("anchor", "deploy", "quorum")
    assert fake.asked("describe_anchor")[0] == (ANCHOR,)
    for shown in (*ADDRESSES, HUB, "60 s", "900 s", "that some are right"):
        assert shown in result.stdout
    document = json.loads(run("anchor", "deploy", "quorum", "--json").stdout)
    assert document["report"]["terms"]["threshold"] == 2


def test_deploy_that_cannot_be_described_is_deployed_all_the_same(run, fake) -> None:
    fake.answers["deploy_anchor"] = DeployedAnchor("SomeAnchor", ANCHOR, (STEP,))
    fake.answers["describe_anchor"] = NodeUnreachable("no answer")
    result = run("anchor", "deploy", "blockhash")
    assert result.exit_code == 0
    assert ANCHOR in result.stdout and "the anchor stands, and its terms cannot be read now" in result.stderr


def test_deploy_without_write_config_says_what_to_write(run, fake) -> None:
    fake.answers["deploy_anchor"] = DeployedAnchor("SomeAnchor", "0x" + "c1" * 20, (STEP,))
    fake.answers["describe_anchor"] = REPORT
    result = run("anchor", "deploy", "blockhash")
    assert "SomeAnchor" in result.stdout and STEP.tx_hash in result.stdout
    assert f'anchor = "0x{"c1" * 20}"' in result.stderr
    assert not Path("smartsync.toml").exists()


def test_anchor_alone_shows_its_commands(run, fake) -> None:
    for arguments in ((), ("deploy",)):
        shown = run("anchor", *arguments).output
        assert "Usage" in shown
        assert fake.calls == []
