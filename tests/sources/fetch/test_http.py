"""A credential goes to the one host it is meant for, and into nothing that anybody reads."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.fetch.origin_server import QUICK, Origin, content, sha256
from touchline.errors import InputError
from touchline.sources.fetch import FileRequest, fetch_files

Want = Callable[..., FileRequest]
SECRET = "hf_verysecret"


def everything(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    return "HF_TOKEN"


def test_a_token_opens_the_door_and_is_written_nowhere(
    origin: Origin, want: Want, tmp_path: Path, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    origin.password = f"Bearer {SECRET}"
    fetch_files([want(origin.url("a.bin"), token=token)], tmp_path / "own", 1, retry_policy=QUICK)
    assert (tmp_path / "own/a.bin").read_bytes() == content(300_000)
    told = "".join(capfd.readouterr())
    assert SECRET.encode() not in everything(tmp_path) and SECRET not in told


def test_a_user_in_the_address_makes_the_credential_a_password(
    origin: Origin, want: Want, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCCERNET_PASSWORD", "nda")
    origin.password = "Basic " + base64.b64encode(b"share:nda").decode()
    url = f"http://share@127.0.0.1:{origin.port}/a.bin"
    fetch_files([want(url, token="SOCCERNET_PASSWORD")], tmp_path, 1, retry_policy=QUICK)
    monkeypatch.setenv("SOCCERNET_PASSWORD", "wrong")
    with pytest.raises(InputError, match=r"\(401\); set SOCCERNET_PASSWORD") as fault:
        fetch_files([want(url, token="SOCCERNET_PASSWORD")], tmp_path, 1, retry_policy=QUICK)
    assert "wrong@" not in str(fault.value) and "share" not in str(fault.value)


def test_a_redirect_to_another_host_goes_without_the_credential(
    origin: Origin, second: Origin, want: Want, tmp_path: Path, token: str
) -> None:
    signed = second.url("a.bin?X-Amz-Signature=abc123", host="localhost")
    origin.redirect = {"large": signed}
    fetch_files([want(origin.url("large"), token=token)], tmp_path, 1, retry_policy=QUICK)
    assert origin.seen[0][1]["Authorization"] == f"Bearer {SECRET}"
    assert second.seen and all("Authorization" not in headers for _, headers in second.seen)
    assert b"abc123" not in everything(tmp_path)
    second.status = 403
    with pytest.raises(InputError, match="large: refuses access") as fault:
        fetch_files([want(origin.url("large"), token=token)], tmp_path, 1, retry_policy=QUICK)
    assert "abc123" not in str(fault.value) and "localhost" not in str(fault.value)


def test_another_mirror_never_gets_the_credential(
    origin: Origin, second: Origin, want: Want, tmp_path: Path, token: str
) -> None:
    origin.status = 404
    asked = want(origin.url("a.bin"), second.url("a.bin"), token=token)
    fetch_files([asked], tmp_path, 1, retry_policy=QUICK)
    assert second.seen and all("Authorization" not in headers for _, headers in second.seen)


def test_a_credential_is_not_sent_unencrypted(want: Want, tmp_path: Path, token: str) -> None:
    with pytest.raises(InputError, match="would get HF_TOKEN unencrypted; use its https address"):
        fetch_files(
            [want("http://nowhere.invalid/a.bin", token=token)], tmp_path, 1, retry_policy=QUICK
        )


def test_a_credential_with_a_line_break_is_named_but_not_told(
    origin: Origin, want: Want, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"{SECRET}\nHost: evil")
    with pytest.raises(InputError, match="HF_TOKEN: holds what no credential holds") as fault:
        fetch_files([want(origin.url("a.bin"), token="HF_TOKEN")], tmp_path, 1, retry_policy=QUICK)
    assert SECRET not in str(fault.value) and not origin.seen


def test_netrc_is_not_read(
    origin: Origin, want: Want, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetch_files([want(origin.url("a.bin"))], tmp_path / "own", 1, retry_policy=QUICK)
    assert "Authorization" not in origin.seen[0][1]


def test_a_digest_stated_where_the_hub_redirects_is_held_against_the_file(
    origin: Origin, second: Origin, want: Want, tmp_path: Path
) -> None:
    origin.redirect = {"large": second.url("a.bin")}
    origin.headers = {"X-Linked-Etag": f'"{sha256(content(300_000))}"'}
    fetch_files([want(origin.url("large"))], tmp_path, 1, retry_policy=QUICK)
    second.files["a.bin"], second.etag = content(300_000, 2), '"v2"'
    with pytest.raises(InputError, match=r"has the sha256 .* as stated"):
        fetch_files([want(origin.url("large"))], tmp_path, 1, retry_policy=QUICK)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"path": "../a"}, "'../a': could lead out of its folder"),
        ({"path": "/etc/a"}, "'/etc/a': is not a relative path"),
        ({"path": "a//b"}, "'a//b': could lead out"),
        ({"path": "a\\b"}, "zero byte or a backslash"),
        ({"path": "a\udcff"}, "a name that is not UTF-8"),
        ({"path": "é" * 101}, "a name of 202 bytes"),
        ({"urls": ()}, "has no URL"),
        ({"urls": ("ftp://host/a",)}, "has a URL of the kind 'ftp'"),
        ({"urls": ("https://u:pw@host/a",)}, "has a password in its URL"),
        ({"urls": ("https:///a",)}, "has a URL without a host"),
        ({"urls": ("https://[/a",)}, "has a URL that cannot be read"),
        ({"sha256": "abc"}, "has a sha256 that is not 64 hexadecimal digits"),
    ],
)
def test_what_may_not_be_fetched_is_refused_before_anything_is_asked(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    given = {"path": "a", "urls": ("http://h/a",), "sha256": "", "bytes": 0, "token": ""} | change
    with pytest.raises(InputError) as fault:
        fetch_files([FileRequest(**given)], tmp_path, 1)  # type: ignore[arg-type]
    assert sentence in str(fault.value) and "pw" not in str(fault.value).replace("pwd", "")


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_two_files_in_one_place_are_refused(tmp_path: Path, paths: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="lies where another file of the list lies"):
        fetch_files([FileRequest(path, ("http://h/a",), "", 0, "") for path in paths], tmp_path, 1)
