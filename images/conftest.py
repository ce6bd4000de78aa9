# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets a fixture see that its test failed."""
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True
