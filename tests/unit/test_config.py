import os
from pathlib import Path

import pytest

from smartsync.config import Settings, load, parse_address, parse_block
from smartsync.errors import ConfigError

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55's own example
FILE_HUB = "0x" + "11" * 20
ENV_HUB = "0x" + "22" * 20
OPTION_HUB = "0x" + "33" * 20


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default configuration file of an empty working directory; not written yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "smartsync.toml"


def refusal(options: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(options or {}, environ or {})
    return caught.value


def test_load_nothing_given_defaults(file: Path) -> None:
    settings = load({}, {})
    assert settings == Settings()
    assert settings.hub is None
    assert settings.timeout_s == 30.0


def test_load_file_read_from_working_directory(file: Path) -> None:
    file.write_text(f'hub = "{FILE_HUB}"\nsource_chain_id = 5\n')
    settings = load({}, {})
    assert (settings.hub, settings.source_chain_id) == (FILE_HUB, 5)


def test_load_environment_beats_file(file: Path) -> None:
    file.write_text(f'hub = "{FILE_HUB}"\n')
    assert load({}, {"SMARTSYNC_HUB": ENV_HUB}).hub == ENV_HUB


def test_load_option_beats_environment_and_file(file: Path) -> None:
    file.write_text(f'hub = "{FILE_HUB}"\n')
    assert load({"hub": OPTION_HUB}, {"SMARTSYNC_HUB": ENV_HUB}).hub == OPTION_HUB


def test_load_options_not_given_leave_the_rest(file: Path) -> None:
    environ = {"SMARTSYNC_HUB": ENV_HUB, "SMARTSYNC_ATTESTOR_KEYSTORES": "a"}
    settings = load({"hub": None, "attestor_keystores": []}, environ)
    assert settings.hub == ENV_HUB
    assert settings.attestor_keystores == (Path("a"),)


def test_load_empty_variable_counts_as_not_given(file: Path) -> None:
    file.write_text(f'hub = "{FILE_HUB}"\n')
    assert load({}, {"SMARTSYNC_HUB": "", "SMARTSYNC_CONFIG": ""}).hub == FILE_HUB


def test_load_named_file_replaces_default(file: Path, tmp_path: Path) -> None:
    file.write_text(f'hub = "{FILE_HUB}"\n')
    other = tmp_path / "other.toml"
    other.write_text(f'hub = "{ENV_HUB}"\n')
    assert load({}, {}, other).hub == ENV_HUB
    assert load({}, {"SMARTSYNC_CONFIG": str(other)}).hub == ENV_HUB


@pytest.mark.parametrize("by_variable", [True, False])
def test_load_named_file_missing_refused(file: Path, by_variable: bool) -> None:
    with pytest.raises(ConfigError, match=r"there is no configuration file absent\.toml"):
        if by_variable:
            load({}, {"SMARTSYNC_CONFIG": "absent.toml"})
        else:
            load({}, {}, Path("absent.toml"))


def test_load_file_is_folder_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load({}, {}, tmp_path)


@pytest.mark.parametrize("content", [b'hub = "', b"hub = 0x", b'hub = "\xff"'])
def test_load_malformed_file_refused_by_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert "smartsync.toml is not valid TOML" in refusal().message


def test_load_unknown_key_refused_with_suggestion(file: Path) -> None:
    file.write_text('sorce_url = "http://x"\n')
    error = refusal()
    assert "smartsync.toml: unknown key 'sorce_url', did you mean 'source_url'?" in error.message
    assert "target_url" in error.hint


@pytest.mark.parametrize("key", ["private_key", "keystore_password", "mnemonic", "attestor_keys"])
def test_load_secret_in_file_refused_without_showing_it(file: Path, key: str) -> None:
    file.write_text(f'{key} = "0xdeadbeef"\n')
    error = refusal()
    assert "secrets are not read from the configuration file" in error.message
    assert "deadbeef" not in error.message + error.hint


def test_load_bad_value_names_field_and_origin(file: Path) -> None:
    assert refusal({"hub": "0x12"}).message == (
        "hub, from the option --hub: '0x12' is not an address (0x and 40 hex digits)"
    )
    assert "hub, from the environment variable SMARTSYNC_HUB: " in refusal({}, {"SMARTSYNC_HUB": "0x12"}).message
    file.write_text('hub = "0x12"\n')
    assert refusal().message.startswith("hub, from smartsync.toml: '0x12'")


def test_load_origin_of_renamed_option_is_the_one_typed(file: Path) -> None:
    assert "the option --timeout:" in refusal({"timeout_s": "soon"}).message


def test_load_two_bad_values_names_both(file: Path) -> None:
    error = refusal({"hub": "0x12", "anchor": "0x34"})
    assert "hub, from" in error.message
    assert "anchor, from" in error.message


@pytest.mark.parametrize("text", [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper()])
def test_load_address_any_case_gives_checksummed(file: Path, text: str) -> None:
    assert load({"hub": text}, {}).hub == CHECKSUMMED


def test_load_address_wrong_checksum_refused_with_advice(file: Path) -> None:
    error = refusal({"hub": CHECKSUMMED.replace("aA", "Aa")})
    assert "checksum" in error.message
    assert "lower case" in error.message


@pytest.mark.parametrize("text", ["", "0x", CHECKSUMMED[2:], CHECKSUMMED + "00", "0x" + "zz" * 20, "vitalik.eth"])
def test_parse_address_not_an_address_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^REPLICA: .* is not an address"):
        parse_address(text, "REPLICA")


@pytest.mark.parametrize(
    "url", ["ws://host/secret", "/secret", "secret", "http://", "http://[secret", "http://h:port/secret"]
)
def test_load_url_not_http_refused_without_showing_it(file: Path, url: str) -> None:
    error = refusal({}, {"SMARTSYNC_SOURCE_URL": url})
    assert error.message.startswith("source_url, from the environment variable SMARTSYNC_SOURCE_URL: ")
    assert "secret" not in error.message + error.hint


def test_settings_repr_does_not_show_urls(file: Path) -> None:
    settings = load({"source_url": "https://host/secret", "target_url": "https://u:secret@host"}, {})
    assert settings.source_url == ("https://host/secret",)
    assert "secret" not in repr(settings) + str(settings)


SEVERAL = ("http://one.example/a,b", "https://two.example:8545")


@pytest.mark.parametrize("between", [",", ", ", " , "])
def test_load_urls_separated_by_commas_are_several(file: Path, between: str) -> None:
    assert load({}, {"SMARTSYNC_SOURCE_URL": between.join(SEVERAL)}).source_url == SEVERAL
    assert load({"target_url": between.join(SEVERAL)}, {}).target_url == SEVERAL


def test_load_urls_of_the_file_are_a_text_or_a_list(file: Path) -> None:
    file.write_text(f'source_url = ["{SEVERAL[0]}", "{SEVERAL[1]}"]\ntarget_url = "{SEVERAL[1]}"\n')
    settings = load({}, {})
    assert (settings.source_url, settings.target_url) == (SEVERAL, SEVERAL[1:])
    assert settings.require("source_url") == SEVERAL[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("http://one.example/secret, ws://two.example/secret", "http:// or https://"),
        ("http://one.example/secret,http://one.example/secret", "given twice"),
        ("http://one.example,two.example/secret", "each with its http://"),
        ([], "source_url is not set"),
        ([7], "source_url, from"),
    ],
)
def test_load_urls_one_of_which_is_none_refused_without_showing_it(file: Path, value: object, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"source_url": value}, {}).require("source_url")
    assert text in caught.value.message and "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("0x7a69", 31337), ("18446744073709551615", 2**64 - 1)])
def test_load_chain_id_from_text_taken(file: Path, text: str, number: int) -> None:
    assert load({}, {"SMARTSYNC_TARGET_CHAIN_ID": text}).target_chain_id == number


@pytest.mark.parametrize("value", ["one", "0", "-1", "1.5", "", "18446744073709551616"])
def test_load_chain_id_not_a_number_refused(file: Path, value: str) -> None:
    assert refusal({"target_chain_id": value}).message.startswith("target_chain_id, from the option --target-chain-id")


@pytest.mark.parametrize("toml", ["true", "1.5", '"mainnet"', "[1]"])
def test_load_chain_id_of_other_type_in_file_refused(file: Path, toml: str) -> None:
    file.write_text(f"source_chain_id = {toml}\n")
    assert "source_chain_id, from smartsync.toml" in refusal().message


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "99999", "soon"])
def test_load_timeout_out_of_range_refused(file: Path, value: str) -> None:
    assert "timeout_s" in refusal({"timeout_s": value}).message


def test_load_relative_keystore_of_file_is_beside_the_file(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "c.toml").write_text('keystore = "me.json"\nattestor_keystores = ["a.json", "/b.json"]\n')
    settings = load({}, {}, Path("etc/c.toml"))
    assert settings.keystore == Path("etc/me.json")
    assert settings.attestor_keystores == (Path("etc/a.json"), Path("/b.json"))


def test_load_relative_keystore_of_option_is_in_working_directory(file: Path) -> None:
    assert load({"keystore": Path("me.json")}, {}).keystore == Path("me.json")


def test_load_keystore_below_home_expanded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert load({"keystore": "~/me.json"}, {}).keystore == Path("/home/me/me.json")
    file.write_text('keystore = "~/me.json"\n')
    assert load({}, {}).keystore == Path("/home/me/me.json")


def test_load_attestor_keystores_of_variable_split(file: Path) -> None:
    settings = load({}, {"SMARTSYNC_ATTESTOR_KEYSTORES": os.pathsep.join(["a.json", "b.json"])})
    assert settings.attestor_keystores == (Path("a.json"), Path("b.json"))


def test_require_not_given_says_all_three_ways(file: Path) -> None:
    with pytest.raises(ConfigError, match="source_url is not set") as caught:
        load({}, {}).require("source_url")
    for way in ("--source-url", "SMARTSYNC_SOURCE_URL", "smartsync.toml"):
        assert way in caught.value.hint


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("19000000", 19_000_000), ("0x10", 16)])
def test_parse_block_number_taken(text: str, number: int) -> None:
    assert parse_block(text) == number


@pytest.mark.parametrize("text", ["latest", "-1", "1.0", "0x", "0xzz", str(2**64)])
def test_parse_block_not_a_number_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^the option --block: "):
        parse_block(text)


@pytest.mark.parametrize(("given", "wei"), [("30", 30 * 10**9), ("0.05", 5 * 10**7), (2000, 2 * 10**12)])
def test_load_max_fee_is_given_in_gwei(given: object, wei: int) -> None:
    assert load({"max_fee_gwei": given}, {}).max_fee_gwei == wei
    assert load({}, {}).max_fee_gwei == 10**12


@pytest.mark.parametrize("given", ["dear", "-1", True, "1e3"])
def test_load_max_fee_that_is_none_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match=r"max_fee_gwei, from the option --max-fee: .* is no gas price"):
        load({"max_fee_gwei": given}, {})
