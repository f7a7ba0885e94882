from __future__ import annotations

import re

from tests.sandbox.client import TWO, get, send


def test_an_empty_inbox(gateway):
    answer = get(gateway, "/")
    assert answer.headers.get_content_type() == "text/html"
    assert "No text has arrived yet." in answer.body.decode()
    assert gateway.url in answer.body.decode()


def test_texts_are_escaped_and_find_their_own_direction(gateway):
    send(gateway, TWO[:1], "<script>alert('&')</script>")
    send(gateway, TWO[1:], "مرحبا")
    page = get(gateway, "/").body.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in page
    assert "<p class='text' dir='auto'>مرحبا</p>" in page
    assert f"<bdi>{TWO[1]}</bdi>" in page
    assert page.index("مرحبا") < page.index("&lt;script")


def test_a_number_is_escaped_too(gateway):
    send(gateway, ["<b>", "+1 (212) 555-1234"])
    page = get(gateway, "/").body.decode()
    assert "<b>" not in page
    assert "<bdi>+1 (212) 555-1234</bdi>" in page


def test_the_latest_hundred(start):
    gateway = start(magic=False)
    send(gateway, [f"+1212555{n}" for n in range(1000, 1150)])
    page = get(gateway, "/").body.decode()
    assert page.count("<li>") == 100
    assert page.index("+12125551149") < page.index("+12125551148")
    assert "+12125551049" not in page
    assert "<dd><bdi>150</bdi></dd>" in page


def test_unconfirmed_texts_and_violations_stand_out(start):
    gateway = start(limits="1/3600")
    send(gateway, "+12125550002")
    send(gateway, TWO)
    page = get(gateway, "/").body.decode()
    assert "not confirmed" in page
    assert '<div class="worry"><dt>Over a limit</dt><dd><bdi>1</bdi>' in page


def test_it_refreshes_with_and_without_a_script_and_nothing_is_inline(gateway):
    answer = get(gateway, "/")
    page = answer.body.decode()
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert get(gateway, path).status == 200


def test_without_limits_the_page_says_so(start):
    assert "No limits." in get(start(limits="none"), "/").body.decode()
