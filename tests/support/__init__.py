"""What several tests need."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the project; programs that import `tests.support` start there
GOLDEN = ROOT / "tests" / "golden"
