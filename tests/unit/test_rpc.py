from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from smartsync.errors import ConfigError, MethodMissing, NodeError, NodeUnreachable, RateLimited, RpcError
from smartsync.exchange import Exchange
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, Reply, serving


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpNode]:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    with serving() as node:
        yield node


async def ask(node: HttpNode, method: str = "eth_chainId", **options: Any) -> Any:
    async with Rpc(node.url, **options) as rpc:
        return await rpc.call(method)


async def test_call_result_is_returned(node: HttpNode) -> None:
    node.results["eth_getBalance"] = lambda params: {"asked": params}
    async with Rpc(node.url) as rpc:
        assert await rpc.call("eth_getBalance", ("0x1", "latest")) == {"asked": ["0x1", "latest"]}


async def test_call_null_result_is_none(node: HttpNode) -> None:
    node.results["eth_getTransactionReceipt"] = None
    assert await ask(node, "eth_getTransactionReceipt") is None


async def test_call_brackets_in_a_string_are_no_nesting(node: HttpNode) -> None:
    node.results["web3_clientVersion"] = '\\" [' * 2_000 + "{" * 2_000
    assert await ask(node, "web3_clientVersion") == node.results["web3_clientVersion"]


async def test_call_flat_answer_of_many_lists_is_read(node: HttpNode) -> None:
    node.results["eth_getLogs"] = [[{"x": []}]] * 5_000
    assert await ask(node, "eth_getLogs") == node.results["eth_getLogs"]


async def test_call_error_keeps_code_text_and_data(node: HttpNode) -> None:
    node.results["eth_call"] = Refusal(3, "execution reverted", "0x1234")
    with pytest.raises(RpcError) as caught:
        await ask(node, "eth_call")
    assert (caught.value.code, caught.value.text, caught.value.data) == (3, "execution reverted", "0x1234")
    assert len(node.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_call_transient_status_is_tried_again(node: HttpNode, status: int) -> None:
    node.results["eth_chainId"] = "0x1"
    node.replies.extend([Reply("slow down", status)] * 3)
    assert await ask(node) == "0x1"
    assert len(node.requests) == 4


async def test_call_transient_status_for_good_is_unreachable(node: HttpNode) -> None:
    node.replies.extend([Reply("", 503)] * 9)
    with pytest.raises(NodeUnreachable, match=r"HTTP status 503 \(3 attempts\)") as caught:
        await ask(node, retries=2)
    assert len(node.requests) == 3
    assert caught.value.retryable


async def test_call_asked_too_often_for_good_says_so(node: HttpNode) -> None:
    node.replies.extend([Reply("", 429)] * 9)
    with pytest.raises(NodeUnreachable, match="HTTP status 429, too many requests") as caught:
        await ask(node, retries=1)
    assert caught.value.limited and "less often" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "text"), [(-32005, "daily request count exceeded, request rate limited"), (429, "slow"), (-32029, "no")]
)
async def test_call_asked_too_often_in_json_for_good_says_so(node: HttpNode, code: int, text: str) -> None:
    node.results["eth_chainId"] = Refusal(code, text)
    with pytest.raises(RateLimited) as caught:
        await ask(node, retries=1)
    assert caught.value.retryable and "less often" in caught.value.hint and text in caught.value.message


async def test_call_retry_after_is_waited_for(node: HttpNode) -> None:
    node.results["eth_chainId"] = "0x1"
    node.replies.append(Reply("", 429, {"Retry-After": "1"}))
    start = time.monotonic()
    assert await ask(node) == "0x1"
    assert time.monotonic() - start >= 1


async def test_call_no_answer_in_time_is_tried_again(node: HttpNode) -> None:
    node.results["eth_chainId"] = "0x1"
    node.replies.append(Reply("", delay_s=0.5))
    assert await ask(node, timeout_s=0.1) == "0x1"


async def test_call_no_answer_ever_is_unreachable(node: HttpNode) -> None:
    node.replies.extend([Reply("", delay_s=0.5)] * 2)
    with pytest.raises(NodeUnreachable, match=r"no answer within 0\.1 s"):
        await ask(node, timeout_s=0.1, retries=1)


async def test_call_nobody_listens_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with Rpc(f"http://127.0.0.1:{port}/secret-key", retries=1) as rpc:
            with pytest.raises(NodeUnreachable, match="cannot connect") as caught:
                await rpc.call("evm_mine")
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_call_rate_limit_in_json_is_tried_again(node: HttpNode) -> None:
    node.results["eth_chainId"] = "0x1"
    limit = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "Too Many Requests"}}
    node.replies.extend([Reply(limit), Reply(limit, 429)])
    assert await ask(node) == "0x1"


@pytest.mark.parametrize("method", ["eth_sendTransaction", "evm_mine", "eth_sign", "personal_unlockAccount"])
async def test_call_not_repeatable_is_not_repeated(node: HttpNode, method: str) -> None:
    node.replies.append(Reply("", 503))
    with pytest.raises(NodeUnreachable):
        await ask(node, method)
    assert len(node.requests) == 1


async def test_call_raw_transaction_is_repeated(node: HttpNode) -> None:
    node.results["eth_sendRawTransaction"] = "0xab"
    node.replies.append(Reply("", 503))
    assert await ask(node, "eth_sendRawTransaction") == "0xab"


async def test_call_error_inside_http_400_is_the_error(node: HttpNode) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "invalid argument 0"}}
    node.replies.append(Reply(body, 400))
    with pytest.raises(RpcError, match="invalid argument 0"):
        await ask(node)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_call_http_failure_names_status_not_path(node: HttpNode, status: int) -> None:
    node.url += "/v3/secret-key"
    node.replies.append(Reply("<html>no</html>", status))
    with pytest.raises(NodeError, match=f"HTTP status {status}") as caught:
        await ask(node)
    assert not caught.value.retryable
    assert "secret" not in str(caught.value.as_dict())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("calls", [1, 3])
async def test_call_redirection_is_an_error_and_not_followed(node: HttpNode, status: int, calls: int) -> None:
    node.results["eth_chainId"] = "0x1"
    node.replies.append(Reply("", status, {"Location": f"{node.url}/v3/secret-key"}))
    async with Rpc(node.url) as rpc:
        with pytest.raises(NodeError, match=f"redirection .HTTP status {status}.") as caught:
            await rpc.batch([("eth_chainId", [])] * calls)
    assert len(node.requests) == 1
    assert caught.value.hint
    assert "secret" not in str(caught.value.as_dict())


@pytest.mark.parametrize("packed", [False, True])
async def test_call_body_above_the_limit_is_an_error(
    node: HttpNode, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr("smartsync.rpc._MAX_BODY", 1_000)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "x" * 1_000_000}).encode()
    close = {"Connection": "close"}  # the client leaves half-way
    reply = (
        Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"} | close) if packed else Reply(body, 200, close)
    )
    node.replies.append(reply)
    with pytest.raises(NodeError, match=r"eth_chainId: 127\.0\.0\.1:\d+ answered more than 1000 bytes"):
        await ask(node)
    assert len(node.requests) == 1


async def test_call_body_of_the_limit_is_read(node: HttpNode, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "x" * 100_000})
    monkeypatch.setattr("smartsync.rpc._MAX_BODY", len(body))
    node.replies.append(Reply(body))
    assert len(await ask(node)) == 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        "not json",
        "null",
        "7",
        '"0x1"',
        "[]",
        "[1, 2]",
        "{}",
        '{"id": 1}',
        '{"error": null}',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"result": "' + "[" * 10_000 + '", "x": ' + "[" * 100_000,
        '{"result"',
    ],
)
async def test_call_garbage_is_a_node_error(node: HttpNode, body: bytes | str) -> None:
    node.replies.append(Reply(body))
    with pytest.raises(NodeError):
        await ask(node)


@pytest.mark.parametrize("error", ["boom", 7, True, ["x"], {}, {"code": "x", "message": None}, {"message": {"a": 1}}])
async def test_call_malformed_error_is_an_rpc_error(node: HttpNode, error: object) -> None:
    node.replies.append(Reply({"jsonrpc": "2.0", "id": 1, "error": error}))
    with pytest.raises(RpcError):
        await ask(node)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32601, "the method eth_getProof does not exist/is not available"),
        (-32601, "whatever"),
        (-32004, "Method debug_storageRangeAt is not supported"),
        (-32700, "The method foo_bar does not exist/is not available"),
        (-32000, "Unsupported method: debug_traceBlockByNumber"),
        (-32600, "rpc method is not whitelisted"),
    ],
)
async def test_call_missing_method_is_recognised(node: HttpNode, code: int, text: str) -> None:
    node.results["eth_getProof"] = Refusal(code, text)
    with pytest.raises(MethodMissing):
        await ask(node, "eth_getProof")


@pytest.mark.parametrize("text", ["header not found", "method handler crashed", "method failed: block 7 not found"])
async def test_call_other_error_is_no_missing_method(node: HttpNode, text: str) -> None:
    node.results["eth_getProof"] = Refusal(-32000, text)
    with pytest.raises(RpcError) as caught:
        await ask(node, "eth_getProof")
    assert type(caught.value) is RpcError


async def test_batch_many_calls_are_split_and_in_order(node: HttpNode) -> None:
    node.results["eth_getStorageAt"] = lambda params: params[0]
    async with Rpc(node.url, batch_size=10) as rpc:
        calls = [("eth_getStorageAt", [i]) for i in range(25)]
        assert await rpc.batch(calls) == list(range(25))
    assert [len(request) for request in node.requests] == [10, 10, 5]


async def test_batch_no_calls_sends_nothing(node: HttpNode) -> None:
    async with Rpc(node.url) as rpc:
        assert await rpc.batch([]) == []
    assert node.requests == []


async def test_batch_answers_out_of_order_are_put_in_order(node: HttpNode) -> None:
    node.results["eth_getStorageAt"] = lambda params: params[0]
    node.replies.append(lambda request: Reply(list(reversed(node.answer(request)))))
    async with Rpc(node.url) as rpc:
        assert await rpc.batch([("eth_getStorageAt", [i]) for i in range(7)]) == list(range(7))


@pytest.mark.parametrize("return_errors", [False, True])
async def test_batch_refused_call_is_returned_or_raised(node: HttpNode, return_errors: bool) -> None:
    node.results["eth_getStorageAt"] = lambda params: Refusal(-32000, "no") if params[0] == 1 else params[0]
    async with Rpc(node.url) as rpc:
        calls = [("eth_getStorageAt", [i]) for i in range(3)]
        if return_errors:
            zero, one, two = await rpc.batch(calls, return_errors=True)
            assert (zero, two) == (0, 2)
            assert isinstance(one, RpcError)
        else:
            with pytest.raises(RpcError, match="no"):
                await rpc.batch(calls)


def refusals(node: HttpNode) -> dict[str, Any]:
    def cut(request: Any) -> Any:
        return Reply(node.answer(request)[:-1])

    def strange(request: Any) -> Any:
        return Reply([{**one, "id": "x"} for one in node.answer(request)])

    def same_id(request: Any) -> Any:
        return Reply([{**one, "id": request[0]["id"]} for one in node.answer(request)])

    def unhashable(request: Any) -> Any:
        return Reply([{**one, "id": []} for one in node.answer(request)])

    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch not allowed"}}
    return {
        "partial": cut,
        "error": Reply(error),
        "error list": Reply([error]),
        "empty": Reply([]),
        "413": Reply("too large", 413),
        "400": Reply("no batches", 400),
        "strange ids": strange,
        "same id": same_id,
        "unhashable id": unhashable,
        "strings": Reply(["x", 1, None]),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "partial",
        "error",
        "error list",
        "empty",
        "413",
        "400",
        "strange ids",
        "same id",
        "unhashable id",
        "strings",
    ],
)
async def test_batch_not_answered_in_full_is_sent_in_smaller_ones(node: HttpNode, kind: str) -> None:
    node.results["eth_getStorageAt"] = lambda params: params[0]
    node.replies.append(refusals(node)[kind])
    async with Rpc(node.url) as rpc:
        calls = [("eth_getStorageAt", [i]) for i in range(8)]
        assert await rpc.batch(calls) == list(range(8))
        assert [len(request) for request in node.requests] == [8, 4, 4]
        await rpc.batch(calls)
    assert [len(request) for request in node.requests[3:]] == [4, 4]  # it remembers


async def test_batch_never_allowed_ends_at_single_calls(node: HttpNode) -> None:
    node.results["eth_getStorageAt"] = lambda params: params[0]
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}

    def only_single(request: Any) -> Any:
        return Reply(error if isinstance(request, list) else node.answer(request))

    node.replies.extend([only_single] * 99)
    async with Rpc(node.url) as rpc:
        assert await rpc.batch([("eth_getStorageAt", [i]) for i in range(9)]) == list(range(9))


async def test_batch_not_repeatable_and_partial_is_an_error(node: HttpNode) -> None:
    node.replies.append(Reply([]))
    async with Rpc(node.url) as rpc:
        with pytest.raises(NodeError, match="did not answer every call"):
            await rpc.batch([("evm_mine", []), ("evm_mine", [])])
    assert len(node.requests) == 1


async def test_batch_rate_limited_item_is_asked_again(node: HttpNode) -> None:
    tries = {1: 2}

    def moody(params: list[int]) -> Any:
        if tries.get(params[0], 0):
            tries[params[0]] -= 1
            return Refusal(429, "rate limit")
        return params[0]

    node.results["eth_getStorageAt"] = moody
    async with Rpc(node.url) as rpc:
        assert await rpc.batch([("eth_getStorageAt", [i]) for i in range(3)]) == [0, 1, 2]


@pytest.mark.parametrize(
    "url", ["", "localhost:8545", "ws://localhost:8545", "http://", "/dev/ipc", "http://[::1", "http://h:99999999"]
)
def test_rpc_not_an_http_url_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="http"):
        Rpc(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pass@eth.example.com/v3/key?k=1", "eth.example.com"),
        ("http://127.0.0.1:8545", "127.0.0.1:8545"),
        ("http://[::1]:8545/x", "[::1]:8545"),
    ],
)
def test_host_url_with_secrets_is_without_them(url: str, host: str) -> None:
    rpc = Rpc(url)
    assert rpc.host == host
    assert repr(rpc) == f"Rpc({host})"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(f"<html>no such page: {'a1b2c3d4' * 4}</html>", 404),
        Reply(f"{'a1b2c3d4' * 4} is no key"),
        Refusal(-32600, f"project {'a1b2c3d4' * 4} is unknown"),
        Refusal(-32601, f"the method does not exist for {'A1B2C3D4' * 4}"),
        Refusal(-32600, "x" * 490 + "a1b2c3d4" * 4),
    ],
)
async def test_call_gateway_that_repeats_the_key_in_the_path_has_it_hidden(node: HttpNode, answer: Any) -> None:
    """What a node says stands in a replica's reason: on the page, and in the database."""
    key = "a1b2c3d4" * 4
    if isinstance(answer, Reply):
        node.replies.append(answer)
    node.results["eth_chainId"] = answer if isinstance(answer, Refusal) else "0x1"
    async with Rpc(f"{node.url.rstrip('/')}/v3/{key}", retries=0) as rpc:
        with pytest.raises(NodeError) as caught:
            await rpc.call("eth_chainId")
    told = caught.value.in_full.lower()
    assert key not in told and key[:6] not in told


async def test_aclose_and_call_again_opens_again(node: HttpNode) -> None:
    node.results["eth_chainId"] = "0x1"
    rpc = Rpc(node.url)
    assert await rpc.call("eth_chainId") == "0x1"
    await rpc.aclose()
    assert await rpc.call("eth_chainId") == "0x1"
    await rpc.aclose()
    await rpc.aclose()


# --- what is told of requests ---


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (None, None),
        (Reply("", 429), "rate-limited"),
        (Reply("", 503), "gateway"),
        (Reply("", delay_s=0.5), "timed-out"),
        (Reply("no JSON"), "invalid"),
        (Reply("", 404), "invalid"),
        (Reply('{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"rate limit"}}'), "rate-limited"),
        (Reply('{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted"}}'), None),
    ],
)
async def test_exchange_is_told_with_its_fault(node: HttpNode, reply: Reply | None, fault: str | None) -> None:
    told: list[Exchange] = []
    node.results["eth_chainId"] = "0x1"
    if reply is not None:
        node.replies.append(reply)
    async with Rpc(node.url, timeout_s=0.2, retries=0, observe=told.append) as rpc:
        with suppress(NodeError):
            await rpc.call("eth_chainId")
    (one,) = told
    assert (one.calls, one.fault) == (1, fault)
    assert one.host == node.url.removeprefix("http://") and 0 < one.seconds < 5


async def test_exchange_of_a_batch_tells_how_many_calls(node: HttpNode) -> None:
    told: list[Exchange] = []
    node.results["eth_chainId"] = "0x1"
    async with Rpc(node.url, observe=told.append) as rpc:
        await rpc.batch([("eth_chainId", ())] * 7)
    assert [one.calls for one in told] == [7]


async def test_exchange_nobody_listens_is_unreachable_at_each_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    told: list[Exchange] = []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with Rpc(f"http://user:secret@127.0.0.1:{port}/key", retries=2, observe=told.append) as rpc:
        with pytest.raises(NodeUnreachable):
            await rpc.call("eth_chainId")
    assert [(one.host, one.fault) for one in told] == [(f"127.0.0.1:{port}", "unreachable")] * 3
