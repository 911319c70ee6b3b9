import logging
import re
import socket
from types import SimpleNamespace

import pytest

from smartsync.anchors.attestation import BlockAttestation
from smartsync.attestor.record import Record
from smartsync.chain import Chain
from tests.fake_source import ANCHOR, terms

TOKEN = "SMARTSYNC_ATTESTOR_TOKEN"


@pytest.mark.parametrize(("options", "told"), [
    (("--listen", "0.0.0.0:8650"), "to listen on 0.0.0.0, SMARTSYNC_ATTESTOR_TOKEN must be set to at least 16"),
    (("--listen", "nowhere"), "--listen: 'nowhere' is not HOST:PORT"),
    (("--follow", "latest"), "--follow: 'latest' is neither finalized nor a number of blocks"),
    (("--resume", "0x12"), "the option --resume: '0x12' is not 32 bytes in hex"),
    (("--second-source", "ws://node.example/secret-path"), "a node's url must start with http"),
    (("--second-source", "http://source.example/secret-path"), "the same url is given twice"),
    (("--record", "nowhere/attestor.sqlite"), "nowhere/attestor.sqlite cannot be read and written"),
])  # fmt: skip
def test_attestor_bad_option_refused_before_anything_is_asked(run, fake, options, told) -> None:
    result = run("attestor", *options)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "hint:" in result.stderr or "http" in told
    assert "secret-path" not in result.output
    assert fake.calls == []


def test_attestor_weak_token_refused_and_not_shown(run, fake, monkeypatch) -> None:
    monkeypatch.setenv(TOKEN, "weak-token")
    result = run("attestor")
    assert result.exit_code == 2
    assert TOKEN in result.stderr
    assert "weak-token" not in result.output


def test_attestor_without_key_refused(run, fake, monkeypatch) -> None:
    monkeypatch.delenv("SMARTSYNC_PRIVATE_KEY")
    result = run("attestor")
    assert result.exit_code == 2
    assert "no key is given" in result.stderr and "SMARTSYNC_PRIVATE_KEY; geth account new" in result.stderr


def test_attestor_without_anchor_refused(run, fake, monkeypatch) -> None:
    monkeypatch.delenv("SMARTSYNC_ANCHOR")
    result = run("attestor")
    assert result.exit_code == 2
    assert "anchor is not set" in result.stderr


def test_attestor_second_sources_of_environment_taken(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_SECOND_SOURCES", "http://two.example/secret-path ws://three.example/secret-path")
    result = run("attestor")
    assert result.exit_code == 2
    assert "a node's url must start with http" in result.stderr
    assert "secret-path" not in result.output


def test_attestor_several_source_urls_have_to_agree_and_none_stands_in_for_another(run, fake, monkeypatch) -> None:
    service = opening(monkeypatch, then=KeyboardInterrupt())
    others: list[str] = []

    async def opened(*_: object, nodes: list[Chain], **__: object) -> SimpleNamespace:
        others.extend(node.rpc.host for node in nodes[1:])
        return service

    monkeypatch.setattr("smartsync.cli.attestor.Attestor.open", opened)
    monkeypatch.setenv("SMARTSYNC_SOURCE_URL", "http://one.example,http://two.example")
    assert run("attestor", "--listen", "127.0.0.1:0").exit_code == 0
    assert others == ["two.example"]
    assert fake.asked("connect")[0][0] == ("http://one.example",)


def opening(monkeypatch, *, then: object) -> SimpleNamespace:
    """Have the attestor open without nodes, and end then."""
    service = SimpleNamespace(
        target_chain_id=31337,
        anchor=ANCHOR,
        signer="0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1",
        following=SimpleNamespace(source=(1, b"\1" * 32), nodes=[]),
    )

    async def opened(*_: object, **__: object) -> SimpleNamespace:
        return service

    async def end(*_: object, **__: object) -> None:
        if isinstance(then, BaseException):
            raise then
        assert callable(then)
        then()
        raise KeyboardInterrupt

    monkeypatch.setattr("smartsync.cli.attestor.Attestor.open", opened)
    monkeypatch.setattr("smartsync.cli.attestor._look_on", end)
    return service


def test_attestor_record_that_holds_nothing_of_the_anchor_is_told_whenever_it_is_so(
    run, fake, tmp_path, monkeypatch
) -> None:
    service = opening(monkeypatch, then=KeyboardInterrupt())
    warning = f"new.sqlite holds no signature of {service.signer} for this anchor: right only if this key has never"
    arguments = ("attestor", "--record", "new.sqlite", "--listen", "127.0.0.1:0")
    # Also at the second start: the first one may have failed before anybody read it.
    for _ in range(2):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert warning in result.stderr
    with Record(tmp_path / "new.sqlite") as record:
        record.remember(terms(service.signer), service.signer, BlockAttestation(5, b"\1" * 32, "final", 1, 0))
    assert "holds no signature" not in run(*arguments).stderr


def test_attestor_what_it_logs_has_a_time_and_only_while_it_runs(run, fake, monkeypatch) -> None:
    log = logging.getLogger("smartsync.attestor.following")
    opening(monkeypatch, then=lambda: log.error("STOPPED"))
    result = run("attestor", "--listen", "127.0.0.1:0")
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  error: STOPPED$", result.stderr, re.M), result.stderr
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  ended$", result.stdout, re.M), result.stdout
    assert not logging.getLogger("smartsync").handlers


@pytest.mark.parametrize(("listen", "why", "hint"), [
    ("no-such-host.invalid:8650", "there is no address of this name", "127.0.0.1"),
    ("192.0.2.1:8650", "this machine has no such address", "127.0.0.1"),
])  # fmt: skip
def test_attestor_that_cannot_listen_says_why(run, fake, monkeypatch, listen, why, hint) -> None:
    monkeypatch.setenv(TOKEN, "a-token-of-some-length")
    opening(monkeypatch, then=KeyboardInterrupt())
    result = run("attestor", "--listen", listen)
    assert result.exit_code == 2, result.output
    assert f"cannot listen on {listen.replace(':', ' port ')}: {why}" in result.stderr
    assert hint in result.stderr


def test_attestor_port_that_is_taken_says_so(run, fake, monkeypatch) -> None:
    opening(monkeypatch, then=KeyboardInterrupt())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("attestor", "--listen", f"127.0.0.1:{port}")
    assert result.exit_code == 2, result.output
    assert f"cannot listen on 127.0.0.1 port {port}: the port is taken" in result.stderr
    assert "another attestor may run there already" in result.stderr
