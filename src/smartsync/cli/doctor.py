"""``smartsync doctor``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import typer
from rich.console import Console

from smartsync.chain import Chain
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.config import Settings, option_of, parse_address
from smartsync.doctor import examine
from smartsync.document import to_json
from smartsync.errors import ConfigError, NodeError, SmartSyncError
from smartsync.results import Check, NodeReport
from smartsync.rpc import Rpc

Role = Literal["source", "target"]

_CHAIN_ID = "chain id"

_Address = Annotated[
    str | None,
    typer.Argument(metavar="SOURCE", help="A contract on the source chain to try the node with.", show_default=False),
]


@command(needs=())
def doctor(session: Session, address: _Address = None) -> None:
    """Examine the nodes: methods, tries, what will not work and what would help.

    Exit code 3 if something fails that is needed. One url is enough to examine one node. Of several nodes of a chain
    one has to be fit, since it stands in for the others.
    """
    probed = None if address is None else parse_address(address, "SOURCE")
    settings = session.settings
    if not settings.source_url and not settings.target_url:
        raise ConfigError(
            "there is no node to examine", hint=f"give {option_of('source_url')}, {option_of('target_url')}, or both"
        )
    reports = asyncio.run(_examine_all(settings, probed))
    healthy = _healthy(reports)
    document = {"ok": healthy, "nodes": [{"ok": report.ok, **_fields(report)} for report in reports]}
    session.output.show(document, lambda console: _draw(console, reports))
    if not healthy:
        raise typer.Exit(NodeError.exit_code)


def _healthy(reports: list[NodeReport]) -> bool:
    """Whether each chain has a node that is fit. None may be on another chain: that is a mistake, and no failure."""
    fit = {report.role for report in reports if report.ok}
    strays = any(check.name == _CHAIN_ID and not check.ok for report in reports for check in report.checks)
    return fit == {report.role for report in reports} and not strays


def _fields(report: NodeReport) -> dict[str, object]:
    found = to_json(report)
    return found if isinstance(found, dict) else {}


async def _examine_all(settings: Settings, address: str | None) -> list[NodeReport]:
    reports = [
        await _examine(settings, url, "source", settings.source_chain_id, address) for url in settings.source_url
    ]
    reports += [await _examine(settings, url, "target", settings.target_chain_id, None) for url in settings.target_url]
    return reports


async def _examine(
    settings: Settings, url: str, role: Role, expected_chain_id: int | None, address: str | None
) -> NodeReport:
    async with Rpc(url, timeout_s=settings.timeout_s) as rpc:
        try:
            report = await examine(Chain(rpc, role), role, address)
        except SmartSyncError as error:
            return NodeReport(role, rpc.host, "", 0, (Check("answers", False, error.message),))
    if expected_chain_id is None:
        return report
    right = report.chain_id == expected_chain_id
    check = Check(_CHAIN_ID, right, f"{report.chain_id}" if right else f"{report.chain_id}, not {expected_chain_id}")
    return NodeReport(report.role, report.host, report.client, report.chain_id, (check, *report.checks))


def _draw(console: Console, reports: list[NodeReport]) -> None:
    for report in reports:
        client = f": {report.client}, chain {report.chain_id}" if report.client else ""
        render.heading(console, f"{report.role} node {report.host}{client}")
        render.checks(console, report.checks, failed="no")
        console.print()
    bad = [f"the {report.role} node {report.host} ({_failed(report)})" for report in reports if not report.ok]
    named = " and ".join(bad)
    if not _healthy(reports):
        render.heading(console, f"Not fit as it is: {named}.")
    else:
        render.heading(console, f"All that is needed works, without {named}." if bad else "All that is needed works.")


def _failed(report: NodeReport) -> str:
    return ", ".join(check.name for check in report.checks if check.needed and not check.ok)
