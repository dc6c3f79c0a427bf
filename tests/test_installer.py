"""What pip was told holds for uv; what went wrong is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imlab.desk.environment.errand import Failed, run
from imlab.desk.environment.installer import explain, parse_settings, stanza, uv_settings

ROOT = Path(__file__).resolve().parents[1]

LISTED = """\
:env:.cert='/env/ca.pem'
global.cert='/global/ca.pem'
global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'
global.index-url='https://global.example/simple'
global.timeout='60'
install.index-url='https://install.example/simple'
download.index-url='https://download.example/simple'
"""


def test_the_environment_beats_install_beats_global() -> None:
    found = parse_settings(LISTED)
    assert found["cert"] == "/env/ca.pem"
    assert found["index-url"] == "https://install.example/simple"


def test_pips_settings_in_uvs_words(tmp_path: Path) -> None:
    links = f"{tmp_path} {tmp_path}/none https://links.example"
    told = uv_settings({**parse_settings(LISTED), "find-links": links})
    assert told == {
        "UV_DEFAULT_INDEX": "https://install.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path},https://links.example",
        "SSL_CERT_FILE": "/env/ca.pem",
        "UV_HTTP_TIMEOUT": "60",
    }
    assert uv_settings({}) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "warning: x\nerror: Failed to fetch\n  Caused by: dns error: failed to lookup",
            "no answer from the package index",
        ),
        ("/usr/bin/python3: No module named pip", "apt install python3-pip"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "hash mismatch"),
        ("invalid peer certificate: UnknownIssuer", "PIP_CERT="),
        ("fatal error: Python.h: No such file", "python3-dev"),
        ("noise\nerror: the reason\nmore noise", "packages could not be installed: error: the reason"),
        ("", "it gave no reason"),
    ],
)
def test_a_failure_is_one_line(text: str, line: str) -> None:
    assert line in explain(text)
    assert "\n" not in explain(text)


def test_a_stanza_is_one_package_with_its_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    found = stanza(lock, "setuptools")
    assert found.startswith("setuptools==") and found.count("==") == 1 and "--hash=sha256:" in found
    assert stanza(lock, "no-such-package") == ""


def test_an_errand_keeps_what_a_failing_program_wrote() -> None:
    code = "import sys; print('out'); print('\\33[31merr', file=sys.stderr); sys.exit(3)"
    with pytest.raises(Failed) as failed:
        run([sys.executable, "-c", code], {})
    assert "out" in failed.value.text and "err" in failed.value.text and "\33" not in failed.value.text
