"""No way leads from what a caller sends to code: the package takes nothing apart that could be a program."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from places import ROOT

#: Formats whose reading can run what they hold.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
#: Functions that are safe in one form alone: the argument, or the name, that makes them so.
UNSAFE_MEMBERS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "runpy.run_path"}
#: The command line is the operator's own.
FILES = [path for path in sorted((ROOT / "gateway").rglob("*.py")) if "cli" not in path.parts]


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the dotted name of what is called where it has one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def faults(tree: ast.AST) -> list[str]:
    """What of a module could run what it was given."""
    found = sorted(UNSAFE_MODULES & set(imported(tree)))
    for name, call in called(tree):
        constant = bool(call.args) and isinstance(call.args[0], ast.Constant)
        shell = any(each.arg == "shell" and ast.unparse(each.value) != "False" for each in call.keywords)
        if name in UNSAFE_CALLS | UNSAFE_MEMBERS or shell:
            found.append(name)
        if name.endswith("import_module") and not constant:
            found.append(name)
        if any(each.arg == "allow_pickle" and ast.unparse(each.value) != "False" for each in call.keywords):
            found.append(f"{name}(allow_pickle)")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_reads_a_format_that_runs(path: Path) -> None:
    assert faults(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "yaml.load(text)",
        "subprocess.run(text, shell=True)",
        "np.load(path, allow_pickle=True)",
        "importlib.import_module(name)",
    ],
)
def test_what_would_be_a_way_is_found(code: str) -> None:
    assert faults(ast.parse(code))


def test_triton_s_model_files_can_be_given_by_no_caller() -> None:
    """Triton loads files that come with a load request; ours never has any, so that no caller brings a python model."""
    texts = {path: path.read_text() for path in FILES if "v1" not in path.parts}
    assert [str(path) for path, text in texts.items() if "file:" in text and "RepositoryModelLoad" in text] == []
