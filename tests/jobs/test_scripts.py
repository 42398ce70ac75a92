"""The scripts say what they take and answer, and every key is described."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from redis import Redis

from jobs import claim, lua
from jobs.keys import KEYS, Keys
from jobs.keys import lua as key_functions
from jobs.lua.compose import compose, with_constants_inline
from jobs.store import Store
from tests.jobs.hands import Hands

SOURCES = {path.name: path.read_text() for path in files(lua).iterdir() if path.name.endswith(".lua")}


@pytest.mark.parametrize("verb", [*lua.VERBS, *lua.DOCTOR])
def test_each_verb_says_its_arguments_its_answers_and_the_arrow_it_draws(verb: str) -> None:
    head = SOURCES[f"{verb}.lua"].split("--include")[0]
    assert re.search(r"^-- ARGV", head, re.MULTILINE)
    assert re.search(r"^-- Returns", head, re.MULTILINE)
    assert "->" in head or "Draws no arrow" in head


@pytest.mark.parametrize("name", SOURCES)
def test_no_script_parses_json_removes_from_lanes_or_lists_keys(name: str) -> None:
    assert not re.search(r"cjson|'LREM'|'KEYS'|'SCAN'", SOURCES[name])


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "rq.lua"])
def test_only_rq_lua_knows_rqs_keys(name: str) -> None:
    assert re.findall(r"'rq:[^']*", SOURCES[name]) in ([], ["'rq:suspended", "'rq:suspended"])


@pytest.mark.parametrize("name", SOURCES)
def test_a_function_ends_where_the_loader_sees_it_end(name: str) -> None:
    for line in SOURCES[name].splitlines():
        if line.startswith("local function ") and " return " in line:
            assert line.endswith(" end"), f"{line}: nothing may stand behind the end of a function of one line"


@pytest.mark.parametrize("verb", [*lua.VERBS, *lua.DOCTOR])
def test_every_verb_is_known_to_redis_by_its_own_hash(verb: str, store: Store) -> None:
    script = store.scripts[verb]
    assert store.redis.script_load(script.text) == script.sha


def test_a_script_is_composed_when_it_is_first_called(redis: Redis) -> None:
    store = Store(redis)
    assert not store.scripts
    claim.reap(store)
    assert list(store.scripts) == ["reap"]


def test_what_is_no_verb_is_no_script(store: Store) -> None:
    with pytest.raises(KeyError):
        store.scripts["base"]


def test_scripts_are_loaded_again_by_a_redis_that_forgot_them(hands: Hands) -> None:
    hands.store.redis.script_flush()
    hands.submit({"name": "a"})
    hands.store.redis.script_flush()
    assert hands.drain() == ["a"]


def test_lua_and_python_build_the_same_keys(store: Store) -> None:
    keys = Keys("app")
    for name, key in KEYS.items():
        parts = re.findall(r"{(\w+)}", key.template)
        arguments = ", ".join(f"'{part}1'" for part in parts)
        body = f"return k_{name}({arguments})"
        assert store.redis.eval(key_functions("app", body), 0).decode() == keys.build(name, *(f"{part}1" for part in parts))


def test_another_prefix_leaves_the_first_alone(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.settings import Settings

    job = hands.submit({"name": "a"})
    other = Store(hands.store.redis, Settings(key_prefix="other"))
    assert Hands(other, "host:1:other").look() != hands.claim()
    assert hands.status(job) == "running"
    for key in other.redis.scan_iter("other:*"):
        other.redis.delete(key)


def test_a_script_has_only_the_functions_it_reaches_and_makes_rare_ones_on_demand() -> None:
    code = (
        "local later\n"
        "local function used() return 1 end\n"
        "local function helper() return used() end\n"
        "local function seldom()\n  return helper() + later()\nend\n"
        "local function unused() return seldom() end\n"
        "later = function() return 2 end\n"
        "if ARGV[1] == 'x' then return seldom() end\n"
        "return used()\n"
    )
    text = compose(code, ["seldom"])
    assert "unused" not in text
    assert "return rare().seldom()" in text
    assert text.index("function used") < text.index("rare = function") < text.index("function helper")


def test_a_script_made_on_demand_answers_as_the_whole_one(store: Store) -> None:
    code = "local function half(x) return x / 2 end\nlocal function seldom(x)\nreturn half(x) + 1\nend\n"
    code += "if ARGV[1] == '8' then return seldom(8) end\nreturn 0\n"
    for text in (code, compose(code, ["seldom"])):
        assert [store.redis.eval(text, 0, argument) for argument in ("8", "1", "8")] == [5, 0, 5]


def test_constants_are_written_where_they_are_used() -> None:
    assert with_constants_inline("local A = 5 -- five\nlocal B = 'b'\nreturn A .. B\n") == "return 5 .. 'b'\n"
