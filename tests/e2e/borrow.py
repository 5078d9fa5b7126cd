"""For tests in other folders: the fixtures of this folder's conftest.py. pytest knows a conftest by
one name only, so theirs cannot import it; this gives it another."""

import importlib.util
import os

_SPEC = importlib.util.spec_from_file_location(
    "e2e_conftest", os.path.join(os.path.dirname(__file__), "conftest.py")
)
fixtures = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fixtures)
