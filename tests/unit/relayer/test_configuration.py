from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from smartsync.errors import ConfigError
from smartsync.keccak import keccak256
from smartsync.listening import Listen
from smartsync.relayer.configuration import Configuration, read_configuration
from smartsync.relayer.policy import EventFilter, Policy

HUB = "0x" + "11" * 20
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55's own example
OTHER = "0x" + "22" * 20
SECRET = "5ec2e7-of-an-operator-0123456789"
PRIVATE_KEY = "0x" + "5e" * 32

SMALLEST = f"""\
[chains.mainnet]
chain_id = 1
urls = ["https://eth.example/key"]
[chains.base]
chain_id = 8453
urls = ["https://base.example"]
[pairs.main-to-base]
source = "mainnet"
target = "base"
hub = "{HUB}"
[[replicas]]
address = "{ADDRESS}"
"""
"""Twelve lines."""

Read = Callable[..., Configuration]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reading(text: str = SMALLEST, environ: dict[str, str] | None = None) -> Configuration:
        file = tmp_path / "relayer.toml"
        file.write_text(text)
        return read_configuration(environ or {}, file)

    return reading


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Callable[..., list[str]]:
    """Give what a configuration is refused for, each problem without the file's name."""

    def refused(text: str, environ: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, environ)
        told = caught.value.message
        assert told.startswith(f"{tmp_path / 'relayer.toml'}: ")
        assert caught.value.hint
        for secret in (SECRET, PRIVATE_KEY, PRIVATE_KEY[2:]):
            assert secret not in told + caught.value.hint + str(caught.value.as_dict())
        told = told.removeprefix(f"{tmp_path / 'relayer.toml'}: ")
        first, *rest = told.split("\n- ")
        if rest:
            assert first == f"{len(rest)} problems"
        return rest or [first]

    return refused


def changed(old: str, new: str) -> str:
    assert old in SMALLEST
    return SMALLEST.replace(old, new)


def with_policy(policy: str) -> str:
    return SMALLEST + f"policy = {{ {policy} }}\n"


# --- what is taken ---


def test_read_configuration_smallest_has_defaults(read: Read, tmp_path: Path) -> None:
    found = read()
    assert found.relayer.state.url == f"sqlite:///{tmp_path / 'smartsync.db'}"
    assert (found.relayer.jobs, found.relayer.listen) == (8, Listen("127.0.0.1", 8600))
    chain = found.chains["mainnet"]
    assert (chain.poll_s, chain.confirmations, chain.timeout_s) == (12.0, 12, 30.0)
    assert found.pairs["main-to-base"].keys == ("main",)
    assert found.pairs["main-to-base"].update_anchors
    assert found.pairs["main-to-base"].max_anchor_gas_a_day == "none"
    (replica,) = found.replicas
    assert (replica.pair, replica.address, replica.name, replica.policy) == ("main-to-base", ADDRESS, ADDRESS, Policy())
    assert len(SMALLEST.splitlines()) == 12


def test_read_configuration_everything_given(read: Read, tmp_path: Path) -> None:
    text = f"""
        [relayer]
        state = "postgresql://relayer@db.example:5433/sync?sslmode=require"
        jobs = 3
        listen = "0.0.0.0:80"
        [chains.a]
        chain_id = 1
        poll_s = 2
        confirmations = 0
        timeout_s = 5.5
        [chains.b]
        chain_id = "0x2"
        urls = "https://b.example, https://c.example"
        [keys.one]
        keystore = "one.json"
        [keys.two]
        [pairs.a-b]
        source = "a"
        target = "b"
        hub = "{HUB}"
        keys = ["two", "one"]
        update_anchors = false
        signers = ["https://attestor.example"]
        policy = {{ max_fee_gwei = "30", max_gas_a_day = 1_000_000, max_lag_s = 60 }}
        [[replicas]]
        address = "{ADDRESS.lower()}"
        pair = "a-b"
        name = "ENS registry"
        layout = "ens.json"
        contract = "Registry"
        keys = "~/known.txt"
        [[replicas]]
        address = "{OTHER}"
        slots = "/some/slots"
        policy = {{ slots = [5, "0x10"], max_fee_gwei = "none", max_lag_s = 0,
                    events = [{{ topic = "Transfer(address,address,uint256)", address = "{HUB}" }}] }}
    """.replace("max_lag_s = 0,\n", "max_lag_s = 0,")
    environ = {
        "SMARTSYNC_CHAIN_A_URLS": f"https://a.example/{SECRET}",
        "SMARTSYNC_RELAYER_TOKEN": SECRET,
        "SMARTSYNC_PAIR_A_B_TOKEN": SECRET[::-1],
    }
    found = read(text, environ)
    assert found.relayer.state.shown == "postgresql://relayer@db.example:5433/sync?sslmode=require"
    assert found.relayer.listen == Listen("0.0.0.0", 80)  # noqa: S104
    assert found.token == SECRET
    assert found.attestor_tokens == {"a-b": SECRET[::-1]}
    assert found.chains["a"].urls == (f"https://a.example/{SECRET}",)
    assert found.chains["b"].urls == ("https://b.example", "https://c.example")
    assert (found.chains["b"].chain_id, found.chains["a"].confirmations, found.chains["a"].timeout_s) == (2, 0, 5.5)
    assert found.keys["one"].keystore == tmp_path / "one.json"
    assert found.keys["two"].keystore is None
    assert found.pairs["a-b"].keys == ("two", "one")
    first, second = found.replicas
    assert (first.name, first.address, first.contract) == ("ENS registry", ADDRESS, "Registry")
    assert (first.layout, first.keys) == (tmp_path / "ens.json", Path("~/known.txt").expanduser())
    assert first.policy == Policy(max_lag_s=60, max_gas_a_day=1_000_000, max_fee_wei=30 * 10**9)
    assert second.slots == Path("/some/slots")
    topic = keccak256(b"Transfer(address,address,uint256)")
    assert second.policy == Policy(
        every_blocks=None,
        on_change=True,
        slots=frozenset({(5).to_bytes(32, "big"), (16).to_bytes(32, "big")}),
        events=frozenset({EventFilter(topic, HUB)}),
        max_gas_a_day=1_000_000,
    )


def test_read_configuration_secrets_are_in_no_repr(read: Read) -> None:
    environ = {
        "SMARTSYNC_CHAIN_BASE_URLS": f"https://user:{SECRET}@base.example/{SECRET}",
        "SMARTSYNC_STATE_URL": f"postgresql://me:{SECRET}@[::1]:5/name?sslpassword={SECRET}",
        "SMARTSYNC_RELAYER_TOKEN": SECRET,
        "SMARTSYNC_ATTESTOR_TOKEN": SECRET,
    }
    text = changed(f'hub = "{HUB}"', f'hub = "{HUB}"\nsigners = ["https://attestor.example/{SECRET}"]')
    found = read(text, environ)
    assert found.relayer.state.url == environ["SMARTSYNC_STATE_URL"]
    assert found.relayer.state.shown == "postgresql://me@[::1]:5/name"
    assert found.attestor_tokens == {"main-to-base": SECRET}
    for text in (repr(found), str(found), repr(found.pairs), repr(found.chains), str(found.relayer)):
        assert SECRET not in text


def test_read_configuration_variable_beats_the_file(read: Read) -> None:
    found = read(
        environ={"SMARTSYNC_CHAIN_BASE_URLS": "https://other.example", "SMARTSYNC_STATE_URL": "sqlite:////x.db"}
    )
    assert found.chains["base"].urls == ("https://other.example",)
    assert found.relayer.state.url == "sqlite:////x.db"
    assert read(environ={"SMARTSYNC_CHAIN_BASE_URLS": ""}).chains["base"].urls == ("https://base.example",)


def test_read_configuration_same_hub_address_on_other_target_or_of_other_source_is_taken(read: Read) -> None:
    """Deployments have one address on many chains, and a hub has replicas of many sources."""
    text = (
        SMALLEST
        + f"""pair = "main-to-base"
        [chains.op]
        chain_id = 10
        urls = ["https://op.example"]
        [pairs.main-to-op]
        source = "mainnet"
        target = "op"
        hub = "{HUB}"
        [pairs.op-to-base]
        source = "op"
        target = "base"
        hub = "{HUB}"
        [[replicas]]
        address = "{ADDRESS}"
        name = "the same address on another chain"
        pair = "main-to-op"
    """
    )
    assert [replica.pair for replica in read(text).replicas] == ["main-to-base", "main-to-op"]


@pytest.mark.parametrize(
    ("own", "policy"),
    [
        ("", Policy(None, True, max_lag_s=600, max_fee_wei=10**9)),
        ("max_lag_s = 0", Policy(None, True, max_fee_wei=10**9)),
        ("max_fee_gwei = 0.5", Policy(None, True, max_lag_s=600, max_fee_wei=5 * 10**8)),
        ('max_fee_gwei = "none"', Policy(None, True, max_lag_s=600)),
        ('when = "every-block"', Policy(1, max_lag_s=600, max_fee_wei=10**9)),
        ("every_blocks = 10", Policy(10, max_fee_wei=10**9)),  # the pair's max_lag_s does not go with it
        ("every_blocks = 1, max_lag_s = 5", Policy(1, max_lag_s=5, max_fee_wei=10**9)),
        ('when = "on-demand"', Policy(None, max_fee_wei=10**9)),
        ('when = "on-change", every_blocks = 9', Policy(9, True, max_lag_s=600, max_fee_wei=10**9)),
        ("slots = [0]", Policy(None, True, frozenset({bytes(32)}), max_lag_s=600, max_fee_wei=10**9)),
    ],
)
def test_read_configuration_replica_keeps_the_limits_of_its_pair(read: Read, own: str, policy: Policy) -> None:
    pair = 'policy = { when = "on-change", max_lag_s = 600, max_fee_gwei = "1" }'
    found = read(with_policy(own).replace("[[replicas]]", f"{pair}\n[[replicas]]"))
    assert found.replicas[0].policy == policy


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[relyer]\n" + SMALLEST, "'relyer' is not known; did you mean relayer?"),
        ("[other]\n" + SMALLEST, "'other' is not known; tables that are known: relayer, chains, keys, pairs, replicas"),
        ("relayer = 5\n" + SMALLEST, "[relayer]: a table is needed"),
        ("[relayer]\njob = 5\n" + SMALLEST, "[relayer]: 'job' is not known; did you mean jobs?"),
        ("[relayer]\njobs = 0\n" + SMALLEST, "[relayer] jobs: 0 is out of range; 1 to 1000 are allowed"),
        ("[relayer]\njobs = -3\n" + SMALLEST, "[relayer] jobs: -3 is out of range; 1 to 1000 are allowed"),
        ("[relayer]\njobs = true\n" + SMALLEST, "[relayer] jobs: True is not a whole number"),
        ("[relayer]\nlisten = 8600\n" + SMALLEST, "[relayer] listen: '8600' is not HOST:PORT; for instance"),
        ('[relayer]\nlisten = "0.0.0.0:1"\n' + SMALLEST, "[relayer] listen: to listen on 0.0.0.0, SMARTSYNC_RELAYER_T"),
        ("[relayer]\nstate = 5\n" + SMALLEST, "[relayer] state: a url in quotes is needed"),
        (changed("chain_id = 1\n", ""), "[chains.mainnet]: chain_id is missing"),
        (changed("chain_id = 1\n", "chain_id = 0\n"), "[chains.mainnet] chain_id: 0 is out of range"),
        (changed("chain_id = 1\n", "chain_id = 8453\n"), "[chains.base] chain_id: 8453 is the id of mainnet, too"),
        (changed("chain_id = 1\n", "chain_id = 1\npoll_s = 0\n"), "[chains.mainnet] poll_s: 0 is no time to wait"),
        (changed("chain_id = 1\n", "chain_id = 1\npoll_s = -1\n"), "[chains.mainnet] poll_s: -1 is no time to wait"),
        (changed("chain_id = 1\n", "chain_id = 1\npoll_s = nan\n"), "[chains.mainnet] poll_s: nan is no time to wait"),
        (changed("chain_id = 1\n", "chain_id = 1\nconfirmations = -1\n"), "[chains.mainnet] confirmations: -1 is out"),
        (changed('["https://base.example"]', '["ws://a"]'), "[chains.base] urls (entry 1): an http:// or https:// url"),
        (changed('["https://base.example"]', '["https://a", "https://a"]'), "[chains.base] urls: the same url is giv"),
        (changed('urls = ["https://base.example"]', ""), "[chains.base] urls: there are none: give them here, or in"),
        (changed('https://base.example', f"https://u:{SECRET}@a"), "[chains.base] urls: a password does not stand"),
        (SMALLEST.replace(".base]", ".Base]").replace('"base"', '"Base"'), "[chains.'Base']: a name has lower"),
        (SMALLEST + "[chains.op]\nchain_id = 10\nurls = ['https://o']", "[chains.op]: no pair has it as its source"),
        (changed('target = "base"', 'target = "bass"'), "target: there is no chain 'bass'; did you mean base?"),
        (changed('target = "base"', 'target = "zzz"'), "target: there is no chain 'zzz'; there are: mainnet, base"),
        (changed('target = "base"', 'target = "mainnet"'), "source and target are the same chain, 'mainnet'"),
        (changed('target = "base"', ""), "[pairs.main-to-base]: target is missing"),
        (changed(HUB, ADDRESS.replace("5aAeb", "5AAeb")), "[pairs.main-to-base] hub: the checksum of"),
        (changed(HUB, "0x12"), "[pairs.main-to-base] hub: '0x12' is not an address"),
        (changed(HUB, PRIVATE_KEY), "[pairs.main-to-base] hub: 64 hex digits look like a private key"),
        (changed(f'"{HUB}"', "5"), "[pairs.main-to-base] hub: a text in quotes is needed"),
        (changed(f'"{HUB}"', f'"{HUB}"\nkeys = ["x"]'), "keys: there is no key 'x'; there are: main"),
        (changed(f'"{HUB}"', f'"{HUB}"\nkeys = "main"'), "[pairs.main-to-base] keys: a list is needed"),
        (changed(f'"{HUB}"', f'"{HUB}"\nkeys = ["main", "main"]'), "keys: 'main' is named 2 times"),
        (changed(f'"{HUB}"', f'"{HUB}"\nupdate_anchors = "yes"'), "update_anchors: true or false"),
        (changed(f'"{HUB}"', f'"{HUB}"\nmax_anchor_gas_a_day = 0'), "max_anchor_gas_a_day: "),
        (SMALLEST + "[keys.a]\n[keys.b]\n[keys.a-password]", "[keys.a-password]: a key's name does not end like that"),
        (SMALLEST + "[keys.a]\n[keys.b]\n[keys.a-file]", "[keys.a-file]: a key's name does not end like that"),
        (SMALLEST + f"[keys.a]\nkeystore = '{PRIVATE_KEY}'", "[keys.a] keystore: 64 hex digits look"),
        (SMALLEST + f"[keys.a]\nprivate_key = '{PRIVATE_KEY}'", "[keys.a]: 'private_key' is refused, secrets do not"),
        (SMALLEST + f"[keys.a]\npassword = '{SECRET}'", "[keys.a]: 'password' is refused, secrets do not"),
        (f"[relayer]\ntoken = '{SECRET}'\n" + SMALLEST, "[relayer]: 'token' is refused, secrets do not"),
        (SMALLEST.partition("[[")[0], "there are no [[replicas]], so there is nothing to do"),
        (changed("[[replicas]]", "[replicas]"), "replicas: write [[replicas]], in double brackets"),
        (SMALLEST.replace(ADDRESS, "x"), "[[replicas]] number 1 (x) address: 'x' is not an address"),
        (SMALLEST + 'pair = "main-to-bas"', "pair: there is no pair 'main-to-bas'; did you mean main-to-base?"),
        (SMALLEST + 'contract = "A"', f"[[replicas]] number 1 ({ADDRESS}): contract names one of a layout"),
        (SMALLEST + 'slots = "a"\nkeys = "b"', f"({ADDRESS}): with slots no others are looked for"),
        (SMALLEST + 'name = ""', "name: it is empty"),
        (SMALLEST + f'[[replicas]]\naddress = "{ADDRESS.lower()}"', "already: two would both"),
        (SMALLEST + f'name = "a"\n[[replicas]]\naddress = "{OTHER}"\nname = "a"', "number 2 (a) name: [[rep"),
    ],
)  # fmt: skip
def test_read_configuration_wrong_refused_with_table_and_key(
    problems: Callable[..., list[str]], text: str, problem: str
) -> None:
    (told,) = problems(text)
    assert problem in told


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ('when = "always"', "when: 'every-block', 'on-change' or 'on-demand' is allowed"),
        ("every_block = 2", "policy: 'every_block' is not known; did you mean every_blocks?"),
        ("every_blocks = 0", "policy.every_blocks: 0 is out of range"),
        ("max_lag_s = -1", "policy.max_lag_s: -1 is no time to wait; seconds from 0 to 2,592,000 are allowed"),
        ("max_gas_a_day = 0", "policy.max_gas_a_day: 0 is out of range"),
        ("max_gas_a_day = -5", "policy.max_gas_a_day: -5 is out of range"),
        ('max_gas_a_day = "all"', "policy.max_gas_a_day: 'all' is not a whole number"),
        ('max_fee_gwei = "-1"', "policy.max_fee_gwei: '-1' is no fee"),
        ("max_fee_gwei = 0", "policy.max_fee_gwei: 0 is no fee"),
        ("max_fee_gwei = true", "policy.max_fee_gwei: True is no fee"),
        ("slots = [-1]", "policy.slots (entry 1): -1 is not a slot"),
        ('slots = "1"', "policy.slots: a list is needed"),
        ('events = [{ topic = "Transfer" }]', "policy.events (entry 1).topic: 'Transfer' is no event"),
        ('events = [{ topic = "T()", adress = "0x1" }]', "policy.events (entry 1): 'adress' is not known; did you me"),
        ('when = "every-block", every_blocks = 2', 'policy: when = "every-block" and every_blocks: one of the two'),
        ('when = "every-block", slots = [1]', 'policy: when = "every-block" and slots: each block is a reason'),
        ('when = "on-demand", every_blocks = 2', 'policy: when = "on-demand" and every_blocks: only a request'),
        ('when = "on-demand", max_lag_s = 2', 'policy: when = "on-demand" and max_lag_s: only a request'),
        ("every_blocks = 2, max_lag_s = 5", "policy: every_blocks = 2 and max_lag_s: one says in blocks how much"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("of_pair", [False, True])
def test_read_configuration_policy_wrong_or_contradictory_refused(
    problems: Callable[..., list[str]], policy: str, problem: str, of_pair: bool
) -> None:
    own = f"policy = {{ {policy} }}\n"
    (told,) = problems(SMALLEST.replace("[[", own + "[[") if of_pair else SMALLEST + own)
    assert problem in told
    assert told.startswith("[pairs.main-to-base] policy" if of_pair else f"[[replicas]] number 1 ({ADDRESS}) policy")


@pytest.mark.parametrize(
    "url",
    [
        "smartsync.db", "sqlite://smartsync.db", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?mode=ro", "mysql://h/db",
        "postgresql://host", "postgresql:///name", "postgresql://host:x/name", "postgres://h/name", "postgresql://[/x",
    ],
)  # fmt: skip
def test_read_configuration_state_of_unknown_form_refused(problems: Callable[..., list[str]], url: str) -> None:
    (told,) = problems(f'[relayer]\nstate = "{url}"\n' + SMALLEST)
    assert told.startswith("[relayer] state: ")
    assert "sqlite:///FILE" in told
    (told,) = problems(SMALLEST, {"SMARTSYNC_STATE_URL": url})
    assert told.startswith("the environment variable SMARTSYNC_STATE_URL: ")


@pytest.mark.parametrize("url", [f"postgresql://u:{SECRET}@h/n", f"postgresql://u@h/n?password={SECRET}"])
def test_read_configuration_password_of_the_database_in_the_file_refused(
    problems: Callable[..., list[str]], url: str
) -> None:
    (told,) = problems(f'[relayer]\nstate = "{url}"\n' + SMALLEST)
    assert "PGPASSWORD" in told and "SMARTSYNC_STATE_URL" in told


def test_read_configuration_secrets_from_files(read: Read, tmp_path: Path) -> None:
    environ = {}
    for name, content in (
        ("SMARTSYNC_CHAIN_BASE_URLS", "https://base.example/key, https://other.example\n"),
        ("SMARTSYNC_RELAYER_TOKEN", f"{SECRET}\n"),
        ("SMARTSYNC_STATE_URL", f"postgresql://u:{SECRET}@h/n\n"),
    ):
        (tmp_path / name).write_text(content)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    found = read(f'[relayer]\nlisten = "0.0.0.0:8600"\n{SMALLEST}', environ)
    assert found.chains["base"].urls == ("https://base.example/key", "https://other.example")
    assert found.token == SECRET
    assert found.relayer.state.url == f"postgresql://u:{SECRET}@h/n"
    assert SECRET not in repr(found)
    assert found.relayer.state.shown == "postgresql://u@h/n"


def test_read_configuration_variable_says_where_it_listens(read: Read, problems: Callable[..., list[str]]) -> None:
    environ = {"SMARTSYNC_RELAYER_LISTEN": "0.0.0.0:80", "SMARTSYNC_RELAYER_TOKEN": SECRET}
    found = read('[relayer]\nlisten = "127.0.0.1:1"\n' + SMALLEST, environ).relayer.listen
    assert found == Listen("0.0.0.0", 80)  # noqa: S104
    (told,) = problems(SMALLEST, {"SMARTSYNC_RELAYER_LISTEN": "8600"})
    assert told.startswith("the environment variable SMARTSYNC_RELAYER_LISTEN: '8600' is not HOST:PORT; for instance")
    (told,) = problems(SMALLEST, {"SMARTSYNC_RELAYER_LISTEN": "0.0.0.0:8600"})
    assert told.startswith("[relayer] listen: to listen on 0.0.0.0, SMARTSYNC_RELAYER_TOKEN must be set")


def test_read_configuration_password_of_the_database_from_a_file(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/w:rd%\n")
    environ = {"PGPASSWORD_FILE": str(file)}
    state = read('[relayer]\nstate = "postgresql://u@h:5433/n?sslmode=require"\n' + SMALLEST, environ).relayer.state
    assert state.url == "postgresql://u:p%40ss%2Fw%3Ard%25@h:5433/n?sslmode=require"
    assert state.shown == "postgresql://u@h:5433/n?sslmode=require"
    assert make_url(state.url).password == "p@ss/w:rd%"
    assert "p@ss" not in repr(state)
    assert not read(SMALLEST, environ).relayer.state.has_password, "SQLite has none"


def test_read_configuration_password_in_a_file_and_no_user_refused(
    problems: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(SECRET)
    environ = {"PGPASSWORD_FILE": str(tmp_path / "password"), "SMARTSYNC_STATE_URL": "postgresql://h/n"}
    (told,) = problems(SMALLEST, environ)
    assert "there is a password, and no user that it is of: postgresql://USER@HOST" in told


def test_read_configuration_files_of_secrets_that_are_wrong_all_told(
    problems: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("")
    environ = {
        "SMARTSYNC_RELAYER_TOKEN_FILE": str(tmp_path / "token"),
        "SMARTSYNC_CHAIN_BASE_URLS_FILE": str(tmp_path / "absent"),
        "SMARTSYNC_STATE_URL": f"postgresql://u:{SECRET}@h/n",
        "SMARTSYNC_STATE_URL_FILE": str(tmp_path / "token"),
    }
    told = problems(SMALLEST, environ)
    assert len(told) == 3
    assert any("that SMARTSYNC_RELAYER_TOKEN_FILE names is empty" in one for one in told)
    assert any("that SMARTSYNC_CHAIN_BASE_URLS_FILE names cannot be read: No such file" in one for one in told)
    assert any("SMARTSYNC_STATE_URL and SMARTSYNC_STATE_URL_FILE are both set" in one for one in told)


def test_read_configuration_variables_wrong_refused_without_repeating_them(problems: Callable[..., list[str]]) -> None:
    environ = {
        "SMARTSYNC_STATE_URL": f"mysql://u:{SECRET}@h/x",
        "SMARTSYNC_CHAIN_BASE_URLS": f"ws://base.example/{SECRET}",
        "SMARTSYNC_RELAYER_TOKEN": "short",
    }
    told = problems(SMALLEST, environ)
    assert [one.partition(": ")[0] for one in told] == [
        "the environment variable SMARTSYNC_STATE_URL",
        "the environment variable SMARTSYNC_CHAIN_BASE_URLS",
        "[relayer] listen",
    ]


def test_read_configuration_urls_under_a_mistyped_variable_are_pointed_out(problems: Callable[..., list[str]]) -> None:
    text = changed('urls = ["https://base.example"]', "")
    (told,) = problems(text, {"SMARTSYNC_CHAIN_BAES_URLS": f"https://base.example/{SECRET}"})
    assert "SMARTSYNC_CHAIN_BASE_URLS; SMARTSYNC_CHAIN_BAES_URLS is set, is it meant for this chain?" in told


def test_read_configuration_keystore_and_variable_of_one_key_refused(problems: Callable[..., list[str]]) -> None:
    (told,) = problems(SMALLEST + "[keys.a-b]\nkeystore = 'x'", {"SMARTSYNC_KEY_A_B": PRIVATE_KEY})
    assert told.startswith("[keys.a-b]: it has a keystore, and SMARTSYNC_KEY_A_B is set")


def test_read_configuration_key_used_on_no_pair_refused(problems: Callable[..., list[str]]) -> None:
    text = changed(f'"{HUB}"', f'"{HUB}"\nkeys = ["a"]') + "[keys.a]\n[keys.b]\n"
    assert problems(text) == ["[keys.b]: it is used on no pair: name it in keys of one, or remove it"]


def test_read_configuration_pair_twice_or_missing_refused(problems: Callable[..., list[str]]) -> None:
    again = f'[pairs.again]\nsource = "mainnet"\ntarget = "base"\nhub = "{HUB}"\n'
    told = problems(SMALLEST + 'pair = "again"\n' + again)
    assert told == ["[pairs.again]: source, target and hub are those of the pair main-to-base: put its replicas there"]
    told = problems(SMALLEST + again.replace("11", "33"))
    assert told == [f"[[replicas]] number 1 ({ADDRESS}): pair is missing, and there are several: main-to-base, again"]
    told = problems(SMALLEST.partition("[pairs")[0] + f'[[replicas]]\naddress = "{ADDRESS}"\n')
    assert told == ["there is no [pairs.NAME]: it says which chain is mirrored on which, and by which hub"]


def test_read_configuration_names_that_are_urls_are_not_repeated(problems: Callable[..., list[str]]) -> None:
    url = f"https://node.example/{SECRET}"
    told = problems(SMALLEST.replace('source = "mainnet"', f'source = "{url}"'))
    assert told == ["[pairs.main-to-base] source: there is no chain a url; there are: mainnet, base"]
    assert problems(SMALLEST.replace("chain_id = 1\n", f'chain_id = 1\n"{url}" = 1\n'))
    assert problems(SMALLEST.replace("[chains.base]", f'[chains."{url}"]'))
    assert problems(SMALLEST + f'pair = "{url}"')


def test_read_configuration_all_problems_told_at_once(problems: Callable[..., list[str]]) -> None:
    text = (
        '[relayer]\nstate = "x"\njobs = 0\n'
        + changed("chain_id = 1\n", "chain_id = 1\npoll_s = -1\n").replace('"base"', '"bass"').replace(HUB, "0x1")
        + "policy = { when = 5, max_lag_s = -1 }\n"
    )
    places = [one.partition(": ")[0].replace(f" ({ADDRESS})", "") for one in problems(text)]
    assert places == [
        "[relayer] state",
        "[relayer] jobs",
        "[chains.mainnet] poll_s",
        "[pairs.main-to-base] hub",
        "[pairs.main-to-base] target",
        "[[replicas]] number 1 policy.when",
        "[[replicas]] number 1 policy.max_lag_s",
    ]


def test_read_configuration_table_that_is_wrong_still_has_to_fit_the_others(problems: Callable[..., list[str]]) -> None:
    text = changed("chain_id = 1\n", "chain_id = 8453\npoll_s = -1\n")
    told = problems(text + f'[[replicas]]\naddress = "{ADDRESS}"\nname = 5\n')
    places = [one.partition(": ")[0] for one in told]
    assert places == [
        "[chains.mainnet] poll_s",
        "[chains.base] chain_id",
        f"[[replicas]] number 2 ({ADDRESS}) name",
        f"[[replicas]] number 2 ({ADDRESS})",
    ]


def test_read_configuration_any_line_missing_or_doubled_never_crashes(read: Read) -> None:
    """Whatever is wrong with a file is a `ConfigError`, and nothing else."""
    lines = SMALLEST.splitlines()
    wrong = [lines[:place] + lines[place + 1 :] for place in range(len(lines))]
    for place, value in itertools.product(
        range(len(lines)), ("5", '"x"', "[]", "{}", "[[]]", "[{}]", "true", "1979-05-27")
    ):
        name, equals, _ = lines[place].partition(" = ")
        wrong.append(
            [
                *lines[:place],
                name + equals + value if equals else f"{name[1:-1].strip('[]')} = {value}",
                *lines[place + 1 :],
            ]
        )
    refused = 0
    for made in wrong:
        try:
            read("\n".join(made))
        except ConfigError:
            refused += 1
    assert refused > 0.9 * len(wrong)


def test_read_configuration_no_toml_refused(read: Read) -> None:
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read(SMALLEST + "pair = main-to-base")


def test_read_configuration_file_missing_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration file"):
        read_configuration({}, tmp_path / "absent.toml")


def test_read_configuration_listen_none_needs_no_token_and_serves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "relayer.toml"
    file.write_text('[relayer]\nlisten = "none"\n' + SMALLEST)
    environ = {"SMARTSYNC_CHAIN_MAINNET_URLS": "https://node.example"}
    found = read_configuration(environ, file)
    assert found.relayer.listen == "none" and found.token is None
