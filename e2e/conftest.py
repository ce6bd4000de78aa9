# SPDX-License-Identifier: Apache-2.0
"""What all tests of this folder can be asked."""


def pytest_addoption(parser):
    parser.addoption("--kubernetes", choices=["1.34", "1.36"], default="1.34",
                     help="version of kube-apiserver, where a test starts one by itself")
