"""The rules of the house: layers, sizes, which module imports what and when, docstrings, words that do not belong here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gradcalc"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# From the ground up: a module imports from lower layers and from its own folder only.  The contributors' page shows the same.
LAYERS = [
    "errors", "runtime", "expression", "report", "grammar", "functions", "inputs", "engines", "proof", "calculate", "testing",
    "output", "commands", "library", "cli", "__main__",
]  # fmt: skip
LAYER = {part: layer for layer, part in enumerate(LAYERS)}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert not node.level, "relative imports hide the layer"
    assert node.module
    # `from gradcalc.engines.taylor import reals` imports a module of the package
    modules = [name for alias in node.names if (name := f"{node.module}.{alias.name}") in MODULES]
    return [*modules, node.module]


@cache
def imports(path: Path) -> tuple[str, ...]:
    """All modules that a file imports anywhere, at the top or inside of functions."""
    nodes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Import | ast.ImportFrom))
    return tuple(name for node in nodes for name in names_of(node))


def part(module: str) -> str:
    """The folder or top module that a module belongs to: `engines` of `gradcalc.engines.taylor.reals`."""
    return module.split(".")[1]


INSIDE = [name for name in MODULES if name != "gradcalc"]


@pytest.mark.parametrize("name", INSIDE)
def test_modules_import_from_below(name: str) -> None:
    for other in imports(MODULES[name]):
        if other == "gradcalc" or other.partition(".")[0] != "gradcalc":
            continue
        assert part(other) == part(name) or LAYER[part(other)] < LAYER[part(name)], f"{name} imports {other}"


def test_every_module_has_a_layer() -> None:
    assert {part(name) for name in INSIDE} == set(LAYER)


def test_the_page_for_contributors_shows_the_layers() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    picture = page.partition("```layers\n")[2].partition("```")[0]
    rows = [line.split()[0].rstrip("/") for line in picture.splitlines() if line and not line.startswith(" ")]
    assert [row.removesuffix(".py") for row in rows] == LAYERS[::-1]


def test_the_page_for_contributors_names_what_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.(?:py|md|toml|txt))`", page)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists() or any(ROOT.glob(f"gradcalc/**/{name}")) or (ROOT / "benchmarks" / name).exists(), name
    picture = page.partition("```layers\n")[2].partition("```")[0]
    modules = {name.rpartition(".")[2] for name in MODULES}
    assert set(re.findall(r"\b[a-z]+_[a-z_]+\b", picture)) <= modules


def test_at_the_root_are_folders_and_the_contract() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {
        "__init__.py",
        "__main__.py",
        "errors.py",
        "report.py",
        "testing.py",
    }


WINGS = ("autograd", "rounding", "symbolic", "taylor")


@pytest.mark.parametrize("wing", WINGS)
def test_engines_know_nothing_of_each_other(wing: str) -> None:
    for name, path in MODULES.items():
        if name.startswith(f"gradcalc.engines.{wing}"):
            others = {other.split(".")[2] for other in imports(path) if other.startswith("gradcalc.engines.")}
            assert others <= {wing}, name


# The modules of the command line, from the ground up.
CLI = [
    ["command_tree", "version"],
    ["completion", "help_page"],
    ["page_command"],
    ["expression_command"],
    ["app"],
    ["main", "manual"],
]
CLI_FLOOR = {f"gradcalc.cli.{name}": floor for floor, names in enumerate(CLI) for name in names}


def test_the_command_line_imports_from_below() -> None:
    assert {name for name in MODULES if name.startswith("gradcalc.cli.")} == set(CLI_FLOOR)
    for name, floor in CLI_FLOOR.items():
        for other in imports(MODULES[name]):
            assert CLI_FLOOR.get(other, -1) < floor, f"{name} imports {other}"


COMMAND_MODULES = [name for name in MODULES if name.startswith("gradcalc.commands.") and name.count(".") == 3]


def test_a_command_imports_no_other_command() -> None:
    folders = {name.split(".")[2] for name in COMMAND_MODULES}
    for name, path in MODULES.items():
        if not name.startswith("gradcalc.commands."):
            continue
        for other in imports(path):
            if other.startswith("gradcalc.commands.") and other.split(".")[2] in folders:
                assert other.split(".")[2] == name.split(".")[2], f"{name} imports {other}"


RENDERERS = [name for name in COMMAND_MODULES if name.endswith((".render", ".graph_formats", ".canvas"))]


@pytest.mark.parametrize("name", RENDERERS)
def test_a_renderer_computes_nothing(name: str) -> None:
    """It imports no engine, no proof and no calculation, but for the types of what it renders."""
    tree = tree_of(MODULES[name])
    types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for_types = {id(node) for block in types for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in for_types:
            assert not re.search(
                r"gradcalc(\.| import )(engines|proof|calculate(?!\.claims\.results))", ast.unparse(node)
            ), ast.unparse(node)


# Which modules import these, anywhere, at the top or lazily.
ALLOWED = {
    "sympy": {name for name in MODULES if name.startswith("gradcalc.engines.symbolic.cas")},
    "mpmath": set(),
    "torch": {
        *(name for name in MODULES if name.startswith(("gradcalc.engines.autograd.", "gradcalc.engines.rounding."))), "gradcalc.commands.diff.vectorized", "gradcalc.commands.bce.neuron", "gradcalc.proof.gradients.move_rows",
    },
    "numpy": {
        "gradcalc.inputs.array_files", "gradcalc.inputs.array_text", "gradcalc.library.arguments", *(name for name in MODULES if name.startswith(("gradcalc.engines.autograd.", "gradcalc.proof.floats.", "gradcalc.proof.gradients."))),
    },
    "flint": {name for name in MODULES if name.startswith(("gradcalc.engines.taylor.", "gradcalc.proof.", "gradcalc.calculate.claims."))},
    "rich": {name for name in MODULES if name.startswith(("gradcalc.output.", "gradcalc.commands."))},
    "typer": {name for name in MODULES if name.startswith(("gradcalc.cli", "gradcalc.commands."))},
    "click": set(),
    "pebble": {"gradcalc.commands.batch.pool"},
    "matplotlib": {"gradcalc.commands.plot.image"},
}  # fmt: skip


@pytest.mark.parametrize("library", ALLOWED)
def test_who_imports_a_library(library: str) -> None:
    found = {name for name, path in MODULES.items() if any(other.partition(".")[0] == library for other in imports(path))}
    assert found <= ALLOWED[library]
    assert found or not ALLOWED[library]


def test_no_other_library_is_imported() -> None:
    known = set(sys.stdlib_module_names) | set(ALLOWED) | {"gradcalc"}
    for name, path in MODULES.items():
        assert {other.partition(".")[0] for other in imports(path)} <= known, name


def test_dispatch_mode_is_touched_in_one_place() -> None:
    """It is underscored: one module, and a test of what it relies on."""
    found = [name for name, path in MODULES.items() if "torch.utils._python_dispatch" in list(imports(path))]
    assert found == ["gradcalc.engines.autograd.recorder"]


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_evaluated_as_code(name: str) -> None:
    for node in ast.walk(tree_of(MODULES[name])):
        if isinstance(node, ast.Call):
            called = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            assert called not in ("eval", "exec", "compile", "parse_expr", "lambdify", "__import__") or _is_regex(node)
            # numbers and our own trees only: `sympify` executes text
            assert called != "sympify" or not any(
                isinstance(arg, ast.Constant) and isinstance(arg.value, str) for arg in node.args
            )


def _is_regex(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "re"


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name: str) -> None:
    text = ast.get_docstring(tree_of(MODULES[name]))
    assert text
    assert text.splitlines()[0].endswith((".", ":")), "the first line is a sentence"


# --------------------------------------------------------------------------------------------------------------- sizes

TABLES = {"gradcalc.proof.floats.aten_elementwise", "gradcalc.commands.explain.pages"}
"""Modules that are a table, a row an entry: they may be longer."""


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_functions_are_short(name: str) -> None:
    assert name in TABLES or len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree_of(MODULES[name])):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            docstring = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
            assert node.end_lineno - node.lineno - docstring < 60, node.name


# ------------------------------------------------------------------------------------------- imports inside of functions

SLOW = {"flint", "importlib.metadata", "matplotlib", "numpy", "pebble", "rich", "sympy", "torch", "typer"}
"""Libraries that take so long to import that they wait until they are needed."""
RARE = {
    "shlex",
    "shutil",
    "subprocess",
    "difflib",
    "gradcalc.calculate.array_gradients",
    "gradcalc.calculate.claims.matrix_claim",
    "gradcalc.calculate.uniform_entries",
    "gradcalc.cli.command_tree",
    "gradcalc.cli.help_page",
    "gradcalc.grammar.latex.reader",
    "importlib",
    "multiprocessing",
    "platform",
    "resource",
    "traceback",
}
"""Modules that few runs need, or not every system has."""
LATE = (".command", ".request", ".results", ".pool", ".worker", ".version", "library.functions", "__main__")
"""Every run imports the declaration of every command: what a command computes with waits until it is run."""


@cache
def at_the_top(name: str) -> frozenset[str]:
    """The slow libraries that importing a module imports."""
    waiting, reached = [name], set()
    while waiting:
        module = waiting.pop()
        reached.add(module)
        if module in MODULES:
            others = {other for node in _top_imports(tree_of(MODULES[module]).body) for other in names_of(node)}
            waiting += others - reached
    return frozenset(library for library in SLOW for module in reached if f"{module}.".startswith(f"{library}."))


def _top_imports(body: Sequence[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.With | ast.Try):
            yield from _top_imports(node.body)


def test_imports_inside_of_functions_are_those_that_laziness_needs() -> None:
    for name, path in MODULES.items():
        functions = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef))
        for node in (node for function in functions for node in ast.walk(function)):
            if isinstance(node, ast.Import | ast.ImportFrom) and not name.endswith(LATE):
                others = names_of(node)
                is_slow = any(at_the_top(other) - at_the_top(name) or other in RARE for other in others)
                assert is_slow, f"{name} imports {others[-1]} inside of a function"


# ------------------------------------------------------------------------------------------------ in a fresh interpreter

HEAVY = ("sympy", "mpmath", "torch", "torch._dynamo", "flint", "numpy", "rich", "typer")

_CAUGHT = "try:\n    {}\nexcept gradcalc.CalcError as error:\n    gradcalc.errors.picture(error)\nelse:\n    raise SystemExit('no error')"

LIGHT = [
    ("the package", "import gradcalc", ""),
    ("its names", "from gradcalc import CalcError, Problem, Report, Verdict, __version__", ""),
    ("the table", "import gradcalc.functions; gradcalc.functions.find('sin')", ""),
    ("points", "import gradcalc.inputs.points; list(gradcalc.inputs.points.sweep({'x': '0:1:11'}))", ""),
    ("arrays", "import gradcalc.inputs.values; gradcalc.inputs.values.read_value('x', '[[1, 2], [3, 4]] @ [1, 2]')", ""),
    ("a parse", "from gradcalc.grammar import parse; from gradcalc.expression.printer import unparse; unparse(parse('sin(x**2)'))", ""),
    ("a tree in terms of the table", "from gradcalc.functions.resolve import understand; understand('elu(x, 2)')", ""),
    ("LaTeX of a tree", "from gradcalc.grammar import parse; from gradcalc.expression.latex import latex; latex(parse('x/y'))", ""),
    ("a syntax error", "import gradcalc, gradcalc.errors\n" + _CAUGHT.format("gradcalc.differentiate('sin(x')"), ""),
    ("a misspelt function", "import gradcalc, gradcalc.errors\n" + _CAUGHT.format("gradcalc.differentiate('sinn(x)', at={'x': '1'})"), ""),
    ("a missing value", "import gradcalc, gradcalc.errors\n" + _CAUGHT.format("gradcalc.differentiate('x*y', at={'x': '1'})"), ""),
    ("a wrong order", "import gradcalc, gradcalc.errors\n" + _CAUGHT.format("gradcalc.differentiate('x', order=99)"), ""),
    ("a formula", "import gradcalc; assert gradcalc.differentiate('sin(x**2)').partials[0].formula == '2*x*cos(x**2)'", ""),
    ("a number", "import gradcalc; assert gradcalc.differentiate('x**2', at={'x': 3}).partials[0].autograd == 6", "torch flint numpy"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "allowed"), [case[1:] for case in LIGHT], ids=[case[0] for case in LIGHT])
def test_heavy_imports_wait(code: str, allowed: str) -> None:
    program = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.stderr == ""
    assert ran.returncode == 0
    assert set(ran.stdout.split()) <= set(allowed.split())


# ---------------------------------------------------------------------------------------------------------------- texts

_SKIPPED = {".git", "__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "build", "dist"}
TEXTS = [
    path
    for path in sorted(ROOT.rglob("*"))
    if path.is_file() and not _SKIPPED & set(path.relative_to(ROOT).parts) and not any(part.endswith(".egg-info") for part in path.parts)
]  # fmt: skip

# In pieces, so that this file does not mention them either.
_FORBIDDEN = [
    re.compile(pattern)
    for pattern in ("[Ii]ss" + r"ue\s*#", "[Aa]s an " + "AI", r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", "<<<" + "<<<<")
]
_ELSEWHERE = "sha" + "red/"
_MAY_NAME_THE_CORPORA = ("tests/corpora/", "benchmarks/", ".ci/run", ".git")


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS])
def test_texts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(ROOT))
    for pattern in _FORBIDDEN:
        assert not pattern.search(text), pattern.pattern
    assert _ELSEWHERE not in text or name.startswith(_MAY_NAME_THE_CORPORA)
    assert "\r" not in text
    assert "\t" not in text or path.suffix in (".md", ".py") or path.name == "Makefile"
    assert not text or text.endswith("\n")
    assert not any(line != line.rstrip() for line in text.split("\n")) or path.suffix == ".md"


def test_the_changelog_is_kept() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog\n")
    assert "## Unreleased" in text or "## [Unreleased]" in text


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "constraints.txt", "pyproject.toml", ".ci/run"]
)
def test_what_a_project_needs_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 100
