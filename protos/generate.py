"""Generate gateway/v1 from protos/gateway/v1; with --check, fail where the committed code differs.

python protos/generate.py            write the generated code
python protos/generate.py --check    compare it with what is there
"""

import argparse
import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).parent
PACKAGE = Path("gateway", "v1")
INIT = '"""Generated from protos/gateway/v1: never edited."""\n'


def generate(target: Path) -> None:
    """Write the generated package below `target`."""
    (target / PACKAGE).mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path) for path in (PROTOS / PACKAGE).glob("*.proto"))
    outputs = [f"--python_out={target}", f"--grpc_python_out={target}"]
    for plugin in ("mypy", "mypy_grpc"):
        program = Path(sys.executable).parent / f"protoc-gen-{plugin}"
        outputs += [f"--plugin=protoc-gen-{plugin}={program}", f"--{plugin}_out=quiet:{target}"]
    include = files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{PROTOS}", f"-I{include}", *outputs, *sources]):
        sys.exit("protoc refused the protos; see above.")
    (target / PACKAGE / "__init__.py").write_text(INIT)


def drift(generated: Path, committed: Path) -> list[str]:
    """Names of files that differ, are missing or are left over."""
    names = {path.name for folder in (generated, committed) for path in folder.glob("*.py*") if path.is_file()}
    _, mismatch, errors = filecmp.cmpfiles(generated, committed, sorted(names), shallow=False)
    return sorted((*mismatch, *errors))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the code differs")
    root = PROTOS.parent
    if not parser.parse_args().check:
        for stale in (root / PACKAGE).glob("*_pb2*"):
            stale.unlink()
        generate(root)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        differing = drift(Path(folder) / PACKAGE, root / PACKAGE)
    if differing:
        sys.exit(f"Generated code differs from the protos ({', '.join(differing)}): run `make protos`.")


if __name__ == "__main__":
    main()
