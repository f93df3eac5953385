import threading

import pytest

from lightloom.spec import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path / "cache"))


def test_an_entry_is_built_once():
    calls = []

    def build(directory):
        calls.append(directory)
        (directory / "out").write_text("done")

    first = cache.entry("kind", "name", build)
    second = cache.entry("kind", "name", build)
    assert first == second
    assert (first / "out").read_text() == "done"
    assert len(calls) == 1


def test_a_failed_build_leaves_nothing():
    def build(directory):
        (directory / "half").write_text("")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        cache.entry("kind", "name", build)
    assert not [p for p in (cache.root() / "kind").iterdir() if p.is_dir()]


def test_what_a_killed_build_left_is_removed():
    kind = cache.root() / "kind"
    (kind / "name.abc").mkdir(parents=True)
    (kind / "name.abc" / "half").write_text("")
    (kind / "name2.abc").mkdir()
    cache.entry("kind", "name", lambda directory: (directory / "out").write_text(""))
    assert {p.name for p in kind.iterdir() if p.is_dir()} == {"name", "name2.abc"}


def test_two_that_want_the_same_entry_build_it_once():
    started, calls = threading.Event(), []

    def build(directory):
        calls.append(1)
        started.set()
        (directory / "out").write_text("")

    threads = [threading.Thread(target=cache.entry, args=("kind", "name", build)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started.is_set()
    assert len(calls) == 1


def test_keys_tell_lists_apart(tmp_path):
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("a", b"b") == cache.key("a", "b")
    (tmp_path / "x").write_text("1")
    before = cache.sources([tmp_path / "x"])
    (tmp_path / "x").write_text("2")
    assert cache.sources([tmp_path / "x"]) != before
