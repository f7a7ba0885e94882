"""Staff read a sentence, not the name of a class; each kind through a real exception."""

from __future__ import annotations

import socket
import ssl
from http.client import IncompleteRead

import pytest
import requests
from requests import exceptions as of_requests
from urllib3 import exceptions as of_urllib3

from csms_campaigns.gateway import failures
from csms_campaigns.gateway.failures import in_words
from project.demo.processes import free_port

pytestmark = pytest.mark.once


def raised(url: str) -> BaseException:
    with pytest.raises(requests.RequestException) as error:
        requests.post(url, timeout=(0.2, 0.2))
    return error.value


def test_a_refused_connection_through_the_real_library() -> None:
    problem = raised(f"http://127.0.0.1:{free_port()}/")
    assert in_words(problem, began=False) == failures.REFUSED


def test_a_name_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    problem = raised("http://gateway.invalid/")
    assert in_words(problem, began=False) == failures.NO_NAME


def test_silence_through_the_real_library() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        problem = raised(f"http://127.0.0.1:{server.getsockname()[1]}/")
    assert in_words(problem, began=True) == failures.SILENCE


@pytest.mark.parametrize(
    ("problem", "began", "sentence"),
    [
        (ssl.SSLCertVerificationError("x"), False, failures.NO_TLS),
        (of_requests.SSLError(of_urllib3.SSLError("x")), False, failures.NO_TLS),
        (TimeoutError("x"), False, failures.NOT_IN_TIME),
        (of_requests.ConnectTimeout(), False, failures.NOT_IN_TIME),
        (OSError(101, "Network is unreachable"), False, failures.NO_CONNECTION),
        (of_requests.ReadTimeout(), True, failures.SILENCE),
        (ConnectionResetError(), True, failures.BROKEN),
        (
            of_requests.ChunkedEncodingError(
                of_urllib3.ProtocolError("x", IncompleteRead(b""))
            ),
            True,
            failures.BROKEN,
        ),
        (of_requests.ContentDecodingError(), True, failures.UNREADABLE),
        (
            ZeroDivisionError(),
            True,
            "something unexpected happened (ZeroDivisionError)",
        ),
    ],
)
def test_each_kind_has_its_sentence(
    problem: BaseException, began: bool, sentence: str
) -> None:
    assert in_words(problem, began=began) == sentence


def test_the_inner_reason_is_found_however_deep() -> None:
    outer = RuntimeError("outer")
    outer.__cause__ = OSError("middle")
    outer.__cause__.__context__ = ConnectionRefusedError()
    outer.__cause__.__context__.__context__ = outer
    assert in_words(outer, began=False) == failures.REFUSED


def test_no_sentence_holds_what_the_exception_says() -> None:
    secret = "cspro_secret"
    for began in (False, True):
        assert secret not in in_words(OSError(secret), began=began)
        assert secret not in in_words(KeyError(secret), began=began)
