"""No secret gets out, and no stranger's text acts up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlbmi.write.hygiene import is_secret_name, plain_text, scrub


@pytest.mark.parametrize(
    "text",
    [
        "https://user:SECRET@host.example/a.tif",
        "HTTP 403: https://h.example/a.tif?sig=SECRET&se=1",
        "'/vsicurl/https://h.example/a.tif?X-Amz-Signature=SECRET' not recognized",
        "Max retries exceeded with url: /a.tif?sig=SECRET (Caused by x)",
        "s3://KEY:SECRET@bucket/a.tif#SECRET",
        "got https://h.example/a?token=SECRET, then https://h.example/b?st=1&sig=SECRET",
        "{'Authorization': 'Bearer SECRET'}",
        "authorization: Basic SECRET",
        "url=/x?a=1&subscription-key=SECRET&b=2",
    ],
)
def test_scrub(text):
    assert "SECRET" not in scrub(text)
    assert "SECRET" not in plain_text(text)


def test_scrub_leaves_the_rest():
    assert scrub("clear share 0.2 < 0.5; see https://h.example/a.tif") == "clear share 0.2 < 0.5; see https://h.example/a.tif"
    assert scrub("/data/what?.tif and A=B") == "/data/what?.tif and A=B"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "  =1", "\t=1", "\r\n=1", "\x00=1", "\u202e=1", "＝1"])
def test_formulas_become_text(text):
    assert plain_text(text).startswith("'")


@given(st.text())
def test_always_one_printable_line(text):
    cell = plain_text(text)
    cell.encode("utf-8")
    assert len(cell.splitlines()) <= 1
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "password", "PC_SDK_SUBSCRIPTION_KEY", "api_key", "sas_token", "Authorization"]
)
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["n_clusters", "seed", "catalog", "requester_pays", "keep", "index", "mode"])
def test_open_names(name):
    assert not is_secret_name(name)
