"""`docs/reference/metrics.md` has every metric, field and alert that is there, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from smartsync.dashboard import health
from smartsync.dashboard.guarding import OPEN
from smartsync.relayer.lateness import late_after_s
from smartsync.relayer.states import State
from tests.relayer_metrics import configuration, known_metrics

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
HEADINGS = {"process": "What a process counts", "database": "What the database says"}
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]


def section(heading: str) -> str:
    (found,) = [one for one in PAGE.split("\n## ") if one.startswith(heading)]
    return found


@pytest.mark.parametrize("of", HEADINGS)
def test_page_has_every_metric_and_no_other(of: str, tmp_path: Path) -> None:
    rows = re.findall(r"^\| `(smartsync_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", section(HEADINGS[of]), re.M)
    told = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows}
    known = known_metrics(configuration(tmp_path))
    assert told == {name: (one.kind, one.labels, one.text) for name, one in known.items() if one.of == of}


def test_metrics_are_named_as_prometheus_wants_them(tmp_path: Path) -> None:
    for name, one in known_metrics(configuration(tmp_path)).items():
        assert re.fullmatch(r"smartsync_[a-z]+(_[a-z]+)*", name), name
        assert (one.kind == "counter") == name.endswith("_total"), name
        assert one.text.endswith(".") and one.text[0].isupper() | one.text[0].isdigit(), name


def test_page_has_a_runbook_for_every_alert_in_order_and_for_no_other() -> None:
    assert re.findall(r"^### (\w+)$", section("Alerts"), re.M) == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/reference/metrics.md#{rule['alert'].lower()}"


def test_page_says_where_health_is() -> None:
    for path in OPEN - {"/sign-in", "/sign-in.css"}:
        assert f"| `{path}` | anybody" in PAGE
    assert f"none has for {health.DEAD_S // 60:.0f} minutes, and for five times the longest" in PAGE
    assert late_after_s(100.0) == 5 * 100 and late_after_s(1.0) == 90
    assert "within five times its `poll_s` (and 90 seconds)" in PAGE


def test_page_states_it_names_are_there() -> None:
    named = set(re.findall(r"`([a-z]+-[a-z]+)`", section("Alerts")))
    assert named & set(get_args(State))
    assert named <= {*get_args(State), "rate-limited", "timed-out"}


def test_page_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGE)
    assert links
    for target in links:
        assert (ROOT / "docs" / "reference" / target).resolve().is_file(), target
