"""The command line: what it loads before a command is chosen, and which commands there are."""

import ast
import json
import subprocess
import sys
from pathlib import Path

from flows import cli

ROOT = Path(__file__).parents[2]
HEAVY_MODULES = {
    *("datasets", "dvc", "great_expectations", "httpx", "mlflow", "networkx", "numpy", "pandas"),
    *("prefect", "psutil", "pyarrow", "pydantic", "ruamel", "sqlalchemy", "torch", "transformers"),
    *("trl", "vllm"),
}
MAX_LINES = 45  # of a function that adds arguments

LIST_LOADED = """
import json, sys
from flows import cli
cli.build_cli_parser().format_help()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_the_help_loads_no_heavy_module() -> None:
    output = subprocess.check_output([sys.executable, "-c", LIST_LOADED], cwd=ROOT, text=True)
    assert HEAVY_MODULES & set(json.loads(output)) == set()


def test_functions_that_add_arguments_are_short() -> None:
    lengths = {
        f"{file.stem}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in [*(ROOT / "flows" / "commands").glob("*.py"), Path(cli.__file__)]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
