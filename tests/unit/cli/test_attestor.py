import pytest

from smartsync.attestor.record import Record

TOKEN = "SMARTSYNC_ATTESTOR_TOKEN"


@pytest.mark.parametrize(("options", "told"), [
    (("--listen", "0.0.0.0:8650"), "to listen on 0.0.0.0, SMARTSYNC_ATTESTOR_TOKEN must be set to at least 16"),
    (("--listen", "nowhere"), "--listen: 'nowhere' is not HOST:PORT"),
    (("--follow", "latest"), "--follow: 'latest' is neither finalized nor a number of blocks"),
    (("--resume", "0x12"), "the option --resume: '0x12' is not what is needed"),
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
    assert "no key is there" in result.stderr


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


def test_attestor_new_record_is_told_an_old_one_is_not(run, fake, tmp_path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("smartsync.cli.attestor.Attestor.open", refuse)
    warning = "is a new record: right only if this key has never signed for this anchor"
    assert warning in run("attestor", "--record", "new.sqlite").stderr
    with Record(tmp_path / "new.sqlite") as record:
        assert not record.is_new
    assert warning not in run("attestor", "--record", "new.sqlite").stderr
