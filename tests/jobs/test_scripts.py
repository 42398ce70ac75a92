"""The scripts say what they take and answer, and every key is described."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from jobs import lua
from jobs.keys import KEYS, Keys
from jobs.keys import lua as key_functions
from jobs.lua.compose import compose
from jobs.lua.inline import with_constants_inline, with_short_functions_inline
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
    assert re.findall(r"'rq:[^']*", SOURCES[name]) == []


@pytest.mark.parametrize("name", SOURCES)
def test_a_function_ends_where_the_loader_sees_it_end(name: str) -> None:
    for line in SOURCES[name].splitlines():
        if line.startswith("local function ") and " return " in line:
            assert line.endswith(" end"), f"{line}: nothing may stand behind the end of a function of one line"


def test_every_verb_is_known_to_redis_by_its_own_hash(store: Store) -> None:
    for script in store.scripts.values():
        assert store.redis.script_load(script.text) == script.sha


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


SHARED = (
    "local later\n"
    "local seen = {}\n"
    "local function used(x) return x / 2 end\n"
    "local function helper(x) return used(x) + #seen end\n"
    "local function seldom(x)\n  seen[1] = x\n  return helper(x) + later(x)\nend\n"
    "local function unused() return seldom(1) end\n"
    "later = function(x) return used(x) end\n"
)
OWN = "local big = ARGV[1] == '8'\nif big then return seldom(8) end\nreturn used(2)\n"


def test_a_script_has_only_the_functions_it_reaches_and_makes_rare_ones_on_demand() -> None:
    text = compose(SHARED, OWN, ["seldom"])
    assert "unused" not in text
    assert "return fn[3](8)" in text
    assert (
        text.index("-- 1 used")
        < text.index("__index")
        < text.index("all[3] = function")
        < text.index("-- seldom")
        < text.index("local big")
    )


def test_a_script_made_on_demand_answers_as_the_whole_one(store: Store) -> None:
    for text in (SHARED + OWN, compose(SHARED, OWN, []), compose(SHARED, OWN, ["seldom"])):
        assert [store.redis.eval(text, 0, argument) for argument in ("8", "1", "8")] == [9, 1, 9]


def test_what_fragments_keep_in_hand_is_written_when_the_verb_has_returned(store: Store) -> None:
    shared = "local kept = {}\nlocal function keep(x) kept[#kept + 1] = x end\n"
    shared += "local function write_back()\n  redis.call('RPUSH', 'kept', #kept, unpack(kept))\nend\n"
    text = compose(shared, "keep(ARGV[1])\nif ARGV[1] == 'early' then return 1 end\nkeep('late')\nreturn 2\n", [])
    assert [store.redis.eval(text, 0, argument) for argument in ("early", "x")] == [1, 2]
    assert store.redis.lrange("kept", 0, -1) == [b"1", b"early", b"2", b"x", b"late"]


def test_a_function_of_the_verb_may_not_have_a_fragments_name() -> None:
    with pytest.raises(ValueError, match="used"):
        compose(SHARED, "local function used() end\nreturn helper(1)\n", [])


def test_constants_are_written_where_they_are_used() -> None:
    assert with_constants_inline("local A = 5 -- five\nlocal B = 'b'\nreturn A .. B\n") == "return 5 .. 'b'\n"


def test_functions_of_one_line_are_written_where_they_are_called(store: Store) -> None:
    code = (
        "local function half(x) return x / 2 end\n"
        "local function both(a, b) return half(a) + b end\n"
        "local function twice(x) return x .. ',' .. x end\n"
        "local n = 0\n"
        "local function count()\n  n = n + 1\n  return n\nend\n"
        "return { both(3 + 5, half(4)), twice(n), twice(count()), half(ARGV[1] - 2) }\n"
    )
    text = with_short_functions_inline(code)
    assert text.endswith("return { (((3 + 5) / 2) + ((4 / 2))), (n .. ',' .. n), twice(count()), ((ARGV[1] - 2) / 2) }\n")
    assert store.redis.eval(text, 0, "8") == store.redis.eval(code, 0, "8") == [6, b"0,0", b"1,1", 3]
