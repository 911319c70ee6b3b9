"""Alert rules and dashboard in `deploy/`: what they ask for is there, and what they say can be read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from smartsync.relayer.queueing.job import Count
from smartsync.relayer.states import UNSEEN, State
from smartsync.submit.event import Event
from tests.relayer_metrics import configuration, known_metrics

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
CONFIG = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
GROUPS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "smartsync.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
OTHERS = {"up": {"job", "instance"}, "process_resident_memory_bytes": {"job", "instance"}}
SCRAPED = {"instance", "job"}


def queries() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in BOARD["templating"]["list"][1:]:
        yield variable["name"], re.sub(r"label_values\((\w+), (\w+)\)", r"sum by (\2) (\1)", variable["definition"])


QUERIES = list(queries())


def metrics_in(query: str) -> dict[str, set[str]]:
    """Return the metrics that a query asks for, each with the labels that it selects by."""
    plain = re.sub(r'"[^"]*"', '""', query)
    found: dict[str, set[str]] = {}
    for name, selected in re.findall(r"\b((?:smartsync|process)_\w+|up)\b(?:\{([^}]*)\})?", plain):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        found.setdefault(base, set()).update(re.findall(r"(\w+)\s*[=!]", selected))
    return found


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_query_asks_for_what_is_there(title: str, query: str, tmp_path: Path) -> None:
    known = {name: set(one.labels) | SCRAPED for name, one in known_metrics(configuration(tmp_path)).items()} | OTHERS
    asked = metrics_in(query)
    assert asked, "a query of nothing"
    assert asked.keys() <= known.keys(), title
    for name, labels in asked.items():
        assert labels <= known[name], f"{title}: {name}"
    grouped = {label for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in re.findall(r"\w+", by)}
    assert grouped - {"le"} <= set().union(*(known[name] for name in asked)), title


def test_queries_name_only_states_and_events_that_are_there() -> None:
    known = {*get_args(State), UNSEEN, *get_args(Event), *Count.__dataclass_fields__, "working", "error", "critical"}
    for title, query in QUERIES:
        for words in re.findall(r'\b(?:state|event|level)[=!]~?"([^"]*)"', query):
            assert set(words.split("|")) <= known, title


def test_metrics_in_finds_names_and_labels() -> None:
    query = 'sum by (pair) (rate(smartsync_a_bucket{pair=~"$pair", state!="x"}[5m])) / up{job="smartsync_no"} == 0'
    assert metrics_in(query) == {"smartsync_a": {"pair", "state"}, "up": {"job"}}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_alert_says_what_is_wrong_and_where_help_is(rule: dict[str, Any], tmp_path: Path) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    told = " ".join(rule["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", told))
    aggregated = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
    if aggregated:
        assert used <= set(re.findall(r"\w+", aggregated[0])), "what is aggregated away cannot be told"
    assert "{{" not in re.sub(r"\{\{ \$(labels\.\w+|value)( \| \w+)? \}\}", "", told)


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) and all(name.startswith("SmartSync") for name in names)


def test_alerts_of_what_all_workers_say_alike_take_one_of_them(tmp_path: Path) -> None:
    known = known_metrics(configuration(tmp_path))
    for rule in RULES:
        for name in metrics_in(rule["expr"]).keys() & known.keys():
            if known[name].of == "database":
                assert re.search(rf"\b(max|min)( by \([^)]*\))? \({name}|\b(max|min)\({name}", rule["expr"]), rule[
                    "alert"
                ]


def test_configuration_reads_the_rules_and_shows_the_token() -> None:
    assert CONFIG["rule_files"] == ["alerts.yml"] and (DEPLOY / "prometheus" / "alerts.yml").is_file()
    (job,) = CONFIG["scrape_configs"]
    assert job["authorization"].keys() == {"credentials_file"}, "the token is in a file, not here"
    assert all(re.search(r'job[=~]+"smartsync', rule["expr"]) for rule in RULES if re.search(r"\bup\{", rule["expr"]))
    assert job["job_name"] == "smartsync"


def test_dashboard_is_one_for_any_data_source() -> None:
    assert BOARD["id"] is None and BOARD["uid"] == "smartsync-relayer" and BOARD["schemaVersion"] >= 39
    assert (
        BOARD["templating"]["list"][0] | {"type": "datasource", "query": "prometheus"} == BOARD["templating"]["list"][0]
    )
    for panel in PANELS:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
            assert [one["datasource"]["uid"] for one in panel["targets"]] == ["${datasource}"] * len(panel["targets"])
            refs = [one["refId"] for one in panel["targets"]]
            assert refs and len(set(refs)) == len(refs)


def test_dashboard_panels_have_their_place() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)


def promtool() -> str:
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if found is None:
        pytest.skip(
            "promtool is not installed (go install github.com/prometheus/prometheus/cmd/promtool); PROMTOOL names it"
        )
    return found


def test_promtool_takes_rules_and_all_queries_of_the_dashboard(tmp_path: Path) -> None:
    tool = promtool()
    named = enumerate(query.replace("$pair", ".*") for _, query in QUERIES)
    rules = [{"record": f"query:{number}", "expr": query} for number, query in named]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    for file in (DEPLOY / "prometheus" / "alerts.yml", tmp_path / "queries.yml"):
        done = subprocess.run(
            [tool, "check", "rules", "--lint=all", "--lint-fatal", file], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_alerts_fire_when_they_should_and_only_then() -> None:
    tool = promtool()
    done = subprocess.run(
        [tool, "test", "rules", Path(__file__).with_name("alerts.test.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
