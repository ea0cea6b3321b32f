"""Makes `project_copy` and the like importable in every folder of tests, and the launcher of docker/ too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docker"))
