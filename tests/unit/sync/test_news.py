from __future__ import annotations

from smartsync.errors import NodeUnreachable
from smartsync.sync.news import News


def test_is_new_what_lasts_is_told_once() -> None:
    news = News()
    told = []
    for _ in range(3):
        told.append(news.is_new(NodeUnreachable("away")))
        told.append(news.is_new(NodeUnreachable("away")))
        news.end_look()
    assert told == [True, False, False, False, False, False]


def test_is_new_after_a_look_without_it() -> None:
    news = News()
    assert news.is_new("x")
    news.end_look()
    news.end_look()
    assert news.is_new("x")


def test_is_new_a_look_that_broke_off_forgets_nothing() -> None:
    news = News()
    assert news.is_new("late in a look")
    news.end_look()
    news.end_look(is_whole=False)
    assert not news.is_new("late in a look")
