import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        "'train', 'table1', '--data', 'none', '--run', 'none'",
        "'train', 'report', 'none'",
        "'export', 'anonymizer', 'none.pt', 'out'",
    ],
)
def test_without_torch_a_command_says_what_to_install(arguments: str) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'lightning', 'scipy')));"
        f"import anonynoise; anonynoise.main([{arguments}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: needs ")
    assert "pip install 'anonynoise-edge[train]'" in done.stderr
