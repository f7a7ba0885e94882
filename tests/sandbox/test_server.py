"""Connections, arrival times, start and stop."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time

import pytest

from csms_campaigns.sandbox.server import Sandbox
from tests.polling import wait_until
from tests.sandbox.client import (
    TWO,
    connect,
    control,
    delivered,
    get,
    raw_request,
    request,
    send,
)


def received(gateway, number=1):
    return gateway.gateway.record.requests[number - 1].received


def in_flight(gateway):
    return gateway.state()["in_flight"]


def test_arrival_is_the_first_byte_of_the_request_line(gateway):
    """Its thread may come to its turn later than ours: but not each time."""
    spans = [_slowly_sent(gateway) for _each in range(10)]
    arrivals = [received(gateway, number) for number in range(1, 11)]
    found = list(zip(spans, arrivals, strict=True))
    assert all(before <= arrival for (before, _after), arrival in found)
    assert any(arrival <= after for (_before, after), arrival in found)


def _slowly_sent(gateway):
    """The moments between which the first byte was sent, and nothing else."""
    with connect(gateway) as client:
        get(gateway, "/sandbox/state.json")  # time passes, the connection is accepted
        before = time.monotonic()
        client.sendall(raw_request()[:1])
        get(gateway, "/sandbox/state.json")
        after = time.monotonic()
        client.sendall(raw_request()[1:])
        assert client.recv(12) == b"HTTP/1.1 200"
    return before, after


def test_many_requests_on_one_connection_each_have_their_own_arrival(gateway):
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    moments = [time.monotonic()]
    for _ in range(3):
        client.request("POST", "/api.php", raw_request().partition(b"\r\n\r\n")[2])
        assert client.getresponse().read()
        moments.append(time.monotonic())
    client.close()
    for number in (1, 2, 3):
        assert moments[number - 1] <= received(gateway, number) <= moments[number]


def test_a_request_that_breaks_off_delivers_nothing(gateway):
    with connect(gateway) as client:
        client.sendall(raw_request()[:-5])
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert gateway.wait_until_idle()
    assert delivered(gateway) == []
    assert gateway.requests[0]["status"] is None


def test_a_connection_that_says_nothing_is_no_request(gateway):
    connect(gateway).close()
    with connect(gateway) as client:
        client.sendall(b"\x16\x03\x01\x02\x00 this is TLS\r\n\r\n")
        assert b"400" in client.recv(1000)
    assert gateway.requests == []


def test_latency_holds_every_answer_back(start):
    gateway = start(latency="0.2-0.3")
    asked = time.monotonic()
    assert send(gateway).status == 200
    assert send(gateway, key="wrong").status == 401
    assert time.monotonic() - asked >= 0.4


def test_waiting_answers_block_nobody(start):
    gateway = start(faults="slow=60@1")
    with connect(gateway) as client:
        client.sendall(raw_request())
        wait_until(lambda: in_flight(gateway))
        assert send(gateway).json["successful_sends"] == 2
        wait_until(lambda: in_flight(gateway) == 1)


@pytest.mark.parametrize("fault", ["slow=60", "drip=60", "huge"])
def test_stop_ends_connections_in_the_middle_of_an_answer(fault):
    gateway = Sandbox(faults=f"{fault}@1").start()
    with connect(gateway) as client, connect(gateway):
        client.sendall(raw_request(close=False))
        wait_until(lambda: gateway.deliveries)
        gateway.stop()
    assert in_flight(gateway) == 0
    names = {thread.name for thread in threading.enumerate()}
    assert not any("process_request_thread" in name for name in names)
    assert "sandbox" not in names
    assert delivered(gateway) == TWO


def test_the_record_outlives_a_stop_and_the_port_comes_back():
    gateway = Sandbox()
    gateway.stop()
    with gateway:
        url = gateway.url
        send(gateway)
    with pytest.raises(ConnectionRefusedError):
        send(gateway)
    with gateway:
        assert gateway.url == url
        assert send(gateway).status == 200
        assert gateway.state()["texts"] == 4


def test_it_starts_once(gateway):
    with pytest.raises(RuntimeError, match="running already"):
        gateway.start()


def test_a_taken_port_is_an_error_and_leaves_nothing_open(gateway, tmp_path):
    second = Sandbox(gateway.port, delivered_log=tmp_path / "log.jsonl")
    with pytest.raises(OSError, match="in use"):
        second.start()
    assert second.state()["requests"] == 0


def test_it_listens_on_loopback_only(gateway):
    assert gateway.url == f"http://127.0.0.1:{gateway.port}/sms_system/api.php"
    assert gateway._server.server_address[0] == "127.0.0.1"


def test_python_control_and_http_control_are_the_same(start):
    gateway = start()
    gateway.control(credits=7)
    assert gateway.state() == control(gateway).json
    with pytest.raises(ValueError, match="There is no option"):
        gateway.control(colour="red")


def test_each_delivery_is_in_the_log_before_it_is_answered(start, tmp_path):
    log = tmp_path / "delivered.jsonl"
    log.write_text('{"phone": "+1999"}\n')
    gateway = start(delivered_log=log)
    send(gateway, ["+12125551234", "+12125550001"], "مرحبا\nبكم")
    first, second, third = map(json.loads, log.read_text().splitlines())
    assert first == {"phone": "+1999"}
    assert (second["phone"], second["outcome"]) == ("+12125551234", "delivered")
    assert (second["message"], second["message_id"]) == ("مرحبا\nبكم", "msg_123456")
    assert third["outcome"] == "failed"


def test_the_query_string_of_the_address_does_not_matter(gateway):
    body = raw_request().partition(b"\r\n\r\n")[2]
    assert request(gateway, "POST", "/api.php?x=1", body).status == 200


def test_nothing_is_logged(gateway, capfd):
    send(gateway)
    get(gateway, "/nowhere")
    control(gateway, faults="reset")
    with connect(gateway) as client:
        client.sendall(raw_request())
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert gateway.wait_until_idle()
    assert capfd.readouterr() == ("", "")
