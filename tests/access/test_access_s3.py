"""S3 as it is: private and public objects of a real server, a server that lets only payers in, keys where users keep them."""

from __future__ import annotations

import hashlib
import hmac
import os
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

from mlbmi.access import Access, Client, Retries, adopt, bucket_named, drop
from mlbmi.access.keys import Keys, keys_of, sign
from mlbmi.download import Store, Wanted, download
from mlbmi.errors import PaymentError, ReadError
from mlbmi.read import configured
from mlbmi.read.opened import with_raster

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAMLBMITESTKEY0001", "AWS_SECRET_ACCESS_KEY": "geheimnis/wJalrXUtnFEMI/K7MDENG"}
PATIENCE = Retries(without_progress=1, delay_s=0.01)
PAYS = 'if ($http_x_amz_request_payer != "requester") { return 403; }'


@pytest.fixture
def aws(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def fetch(tmp_path):
    """Fetch an href through the downloads; return the outcome and the file."""

    def run(href, *, pay=False, name="B04.tif"):
        store = Store(tmp_path / "store")
        wanted = Wanted(path=name, href=href, item_id="item", band="red", epsg=32633)
        (outcome,) = download(
            [wanted], store, resolve=Access(allow_requester_pays=pay).resolve, retries=PATIENCE, part_bytes=100_000
        )
        return outcome, store.file(name)

    return run


def window(href, *, pay=False):
    """Read as scenes are read."""
    with configured(retries=PATIENCE, allow_requester_pays=pay):
        return with_raster(href, "band red", lambda raster: raster.read(slice(0, 512), slice(0, 512)))


@pytest.fixture(scope="module")
def objects(s3, cog):
    s3.put("mlbmi-private", {"a b/B04 (1).tif": cog.read_bytes()})
    s3.put("mlbmi-public", {"B04.tif": cog.read_bytes()}, public=True)
    s3.put("eodata", {"Sentinel-2/B04.tif": cog.read_bytes()})
    return s3


@pytest.mark.server
@pytest.mark.parametrize("variable", ["AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_private_objects_need_keys_and_public_ones_none(objects, cog, pixels, fetch, monkeypatch, variable):
    monkeypatch.setenv(variable, objects.url)
    private, public = "s3://mlbmi-private/a b/B04 (1).tif", "s3://mlbmi-public/B04.tif"
    np.testing.assert_array_equal(window(public), pixels)
    assert fetch(public, name="public.tif")[1].read_bytes() == cog.read_bytes()
    with pytest.raises(ReadError, match=r"band red cannot be read from s3://mlbmi-private"):
        window(private.replace("B04", "B05"))  # GDAL remembers what it was refused: another object than below
    assert "403" in fetch(private)[0].error
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    np.testing.assert_array_equal(window(private), pixels)
    outcome, file = fetch(private)
    assert outcome.state == "downloaded", outcome.error
    assert file.read_bytes() == cog.read_bytes()


@pytest.mark.server
def test_keys_of_a_profile(objects, pixels, fetch, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", objects.url)
    (tmp_path / "credentials").write_text("[work]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in KEYS.items()))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    href = "s3://mlbmi-private/a b/B04 (1).tif"
    assert fetch(href)[0].state == "downloaded"
    np.testing.assert_array_equal(window(href), pixels)
    monkeypatch.setenv("AWS_PROFILE", "none")
    assert "cannot be had: ProfileNotFound" in fetch("s3://mlbmi-private/other.tif", name="other.tif")[0].error


@pytest.mark.server
@pytest.mark.parametrize("place", ["variables", "profile"])
def test_keys_of_copernicus_data_space(objects, pixels, fetch, monkeypatch, tmp_path, place):
    monkeypatch.setenv("AWS_S3_ENDPOINT", objects.url)
    href = "s3://eodata/Sentinel-2/B04.tif"
    with pytest.raises(ReadError, match=r"band red cannot be read: .*'eodata'.*s3keysmanager.*CDSE_S3_ACCESS_KEY"):
        window(href)
    assert "CDSE_S3_ACCESS_KEY" in fetch(href)[0].error
    access, secret = KEYS.values()
    if place == "variables":
        monkeypatch.setenv("CDSE_S3_ACCESS_KEY", access)
        monkeypatch.setenv("CDSE_S3_SECRET_KEY", secret)
    else:
        (tmp_path / "c").write_text(f"[cdse]\naws_access_key_id={access}\naws_secret_access_key={secret}\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "c"))
    np.testing.assert_array_equal(window(href), pixels)
    assert fetch(href)[0].state == "downloaded"


@pytest.mark.usefixtures("aws")
def test_keys_for_one_house_are_not_given_to_another(monkeypatch):
    with pytest.raises(ReadError, match="Copernicus Data Space"):
        Access().resolve("s3://eodata/B04.jp2")
    monkeypatch.setenv("CDSE_S3_ACCESS_KEY", "cdse-key")
    monkeypatch.setenv("CDSE_S3_SECRET_KEY", "cdse-secret")
    there = Access().resolve("s3://eodata/a/B04.jp2")
    assert there.url == "https://eodata.dataspace.copernicus.eu/eodata/a/B04.jp2"
    assert "cdse-key" in there.headers["Authorization"]
    assert "AKIAMLBMITESTKEY0001" in Access().resolve("s3://unknown-bucket/B04.tif").headers["Authorization"]
    assert Access().resolve("s3://sentinel-cogs/B04.tif").headers == {}


@pytest.mark.usefixtures("aws")
@pytest.mark.server
def test_who_does_not_say_that_he_pays_sends_nothing(nginx, cog, pixels, fetch, monkeypatch, tmp_path):
    (tmp_path / "www" / "sentinel-s2-l2a").mkdir(parents=True)
    (tmp_path / "www" / "sentinel-s2-l2a" / "B04.tif").write_bytes(cog.read_bytes())
    server = nginx(tmp_path / "www", PAYS)
    monkeypatch.setenv("AWS_S3_ENDPOINT", server.url)
    for href in ("s3://sentinel-s2-l2a/B04.tif", "https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/B04.tif"):
        assert "--allow-requester-pays" in fetch(href)[0].error
        with pytest.raises(PaymentError, match="--allow-requester-pays"):
            window(href)
    assert server.log() == []
    response = Client().get(Access(allow_requester_pays=True).resolve(href), {"Range": "bytes=0-9"})
    drop(response)
    assert response.status == 206
    outcome, file = fetch(href, pay=True)
    assert outcome.state == "downloaded", outcome.error
    assert file.read_bytes() == cog.read_bytes()
    np.testing.assert_array_equal(window(href, pay=True), pixels)
    assert {entry.status for entry in server.log()} <= {200, 206}


@pytest.mark.server
def test_the_server_that_stands_for_amazon_does_refuse(nginx, cog, tmp_path):
    (tmp_path / "B04.tif").write_bytes(cog.read_bytes())
    server = nginx(tmp_path, PAYS)
    with pytest.raises(ReadError, match="403"):
        window(f"{server.url}/B04.tif", pay=True)


def test_paying_needs_keys(monkeypatch):
    with pytest.raises(ReadError, match=r"'sentinel-s2-l2a'.*none are found.*aws configure"):
        Access(allow_requester_pays=True).resolve("s3://sentinel-s2-l2a/B04.jp2")
    monkeypatch.setitem(__import__("sys").modules, "botocore", None)
    with pytest.raises(ReadError, match=r"pip install 'mlbmi\[s3\]'"):
        Access(allow_requester_pays=True).resolve("s3://sentinel-s2-l2a/B04.jp2")
    assert Access().resolve("s3://sentinel-cogs/33/B04.tif").url == "https://sentinel-cogs.s3.us-west-2.amazonaws.com/33/B04.tif"


@pytest.mark.parametrize("token", ["", "temporary/token=="])
def test_the_signature_is_that_of_the_specification(token):
    """By hand, from Amazon's description of Signature Version 4 for S3."""
    url = "https://bucket.s3.eu-central-1.amazonaws.com/" + quote("tiles/33/U/UU/a b(1).jp2")
    headers = sign(url, {"x-amz-request-payer": "requester"}, Keys("AKID", "secret", token), "eu-central-1")
    named = {name.lower(): value for name, value in headers.items()}
    algorithm, scope = "AWS4-HMAC-SHA256", f"{named['x-amz-date'][:8]}/eu-central-1/s3/aws4_request"
    signed = {"host": urlsplit(url).netloc} | {name: value for name, value in named.items() if name.startswith("x-amz-")}
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    canonical = "\n".join(["GET", urlsplit(url).path, "", *lines, "", ";".join(sorted(signed)), named["x-amz-content-sha256"]])
    text = "\n".join([algorithm, named["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4secret"
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    assert named["authorization"] == (
        f"{algorithm} Credential=AKID/{scope}, SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
    )
    assert ("x-amz-security-token" in signed) == bool(token)


@pytest.mark.usefixtures("aws")
def test_a_refusal_is_signed_anew_only_if_the_keys_are_others(monkeypatch):
    access = Access()
    first = access.resolve("s3://bucket/B04.tif")
    assert access.resolve("s3://bucket/B04.tif", renew=True) == first
    monkeypatch.setenv("AWS_SESSION_TOKEN", "newer")
    assert access.resolve("s3://bucket/B04.tif", renew=True) != first


@pytest.mark.usefixtures("aws")
def test_a_signature_does_not_grow_old(monkeypatch):
    from mlbmi.access import opening

    access, now = Access(), [1000.0]
    monkeypatch.setattr(opening.time, "monotonic", lambda: now[0])
    first = access.resolve("s3://bucket/B04.tif")
    now[0] += 299
    assert access.resolve("s3://bucket/B04.tif") is first
    now[0] += 2
    assert access.resolve("s3://bucket/B04.tif") is not first


def test_an_environment_file_fills_gaps_only(monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ, "AWS_ACCESS_KEY_ID": "set"})
    found = {"AWS_ACCESS_KEY_ID": "file", "AWS_SECRET_ACCESS_KEY": "file", "LD_PRELOAD": "evil", "PC_SDK_SUBSCRIPTION_KEY": ""}
    assert adopt(found) == ("AWS_SECRET_ACCESS_KEY",)
    assert keys_of(bucket_named("private")) == Keys("set", "file")
    assert "LD_PRELOAD" not in os.environ


@pytest.mark.usefixtures("aws")
def test_nothing_that_holds_a_secret_shows_it():
    access = Access()
    shown = [repr(access.resolve("s3://bucket/B04.tif")), repr(access.opening("s3://bucket/B04.tif")), repr(Keys("AKID", "hush"))]
    assert not any(word in "".join(shown) for word in ("AKIA", "geheimnis", "AKID", "hush", "Signature"))
