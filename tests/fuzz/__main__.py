"""`python -m fuzz`: the same trials as pytest makes, with other examples each time and many more of them."""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from fuzz.schema import guarded, tried
from places import ROOT

#: Where the tests stand that draw their examples by Hypothesis.
_DRAWN = ("tests/unit/properties", "tests/e2e/test_execution_life.py")
_MUTATED = ("tests/integration/test_mutated_media.py", "tests/e2e/test_mutated_uploads.py")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cases", type=click.IntRange(1), default=300, show_default=True, help="Of Schemathesis, per operation.")
@click.option("--examples", type=click.IntRange(10), default=2000, show_default=True, help="Of each property.")
@click.option("--mutants", type=click.IntRange(1), default=20_000, show_default=True, help="Of media.")
@click.option("--seed", type=click.IntRange(0), help="What is drawn.  [default: another one each time]")
@click.option("--only", type=click.Choice(["schema", "properties", "media"]), multiple=True, help="May be repeated.")
def main(cases: int, examples: int, mutants: int, seed: int | None, only: tuple[str, ...]) -> None:
    """Try the gateway with what nobody wrote by hand. The seed is printed; with it, a run can be repeated."""
    drawn = secrets.randbelow(2**32) if seed is None else seed
    print(f"make fuzz SEED={drawn} CASES={cases} EXAMPLES={examples} MUTANTS={mutants}", flush=True)
    environment = os.environ | {"FUZZ_EXAMPLES": str(examples), "FUZZ_MUTANTS": str(mutants), "FUZZ_SEED": str(drawn)}
    trials = {
        "properties": lambda: _tested(_DRAWN, drawn, environment),
        "media": lambda: _tested(_MUTATED, drawn, environment),
        "schema": lambda: _schema(cases, drawn),
    }
    failed = [name for name, trial in trials.items() if (not only or name in only) and not trial()]
    print(f"failed: {', '.join(failed)}" if failed else "nothing found", flush=True)
    sys.exit(1 if failed else 0)


def _tested(files: tuple[str, ...], seed: int, environment: dict[str, str]) -> bool:
    drawn = ["--hypothesis-profile=drawn", f"--hypothesis-seed={seed}"]
    command = [sys.executable, "-m", "pytest", "-q", *drawn, *files]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _schema(cases: int, seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="gw-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with guarded(folder) as (served, key):
            found = tried(served.rest, key, cases, seed, folder)
        print(found.stdout, found.stderr, sep="\n")
        errors = [line for line in served.said.read_text().splitlines() if '"level":"error"' in line]
        print(*errors[:20], sep="\n")
    return found.returncode == 0 and not errors


if __name__ == "__main__":
    main()
