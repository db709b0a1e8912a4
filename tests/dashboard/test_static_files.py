"""Files come from memory, compressed once, kept by the browser as long as they are the same."""

import asyncio
import gzip
import hashlib
from pathlib import Path

import brotli
import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request, Response

from dashboard import static_files as module
from dashboard.refusals import RefusedError
from dashboard.static_files import ASK_AGAIN, FOREVER, Fetched, OwnFiles, StaticFile, WorkerFiles

SCRIPT = b"let answer = 42;\n" * 200


def request(path: str = "/x.js", name: str = "x.js", **headers: str) -> Request:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return make_mocked_request("GET", path, headers=sent, match_info={"name": name})


def opened(answer: Response) -> bytes:
    body = answer.body
    assert isinstance(body, bytes)
    coding = answer.headers.get("Content-Encoding")
    return brotli.decompress(body) if coding == "br" else gzip.decompress(body) if coding == "gzip" else body


@pytest.mark.parametrize(("accept", "coding"), [("br, gzip", "br"), ("gzip", "gzip"), ("", None), ("zstd", None)])
async def test_the_bytes_are_the_same_in_every_coding(accept: str, coding: str | None) -> None:
    answer = await StaticFile.of(SCRIPT, "text/javascript").answer(request(Accept_Encoding=accept))
    assert answer.headers.get("Content-Encoding") == coding
    assert opened(answer) == SCRIPT
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == "text/javascript"


async def test_it_is_compressed_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def slowly(data: bytes, coding: str) -> bytes:
        calls.append(coding)
        return gzip.compress(data)

    monkeypatch.setattr(module, "compress_well", slowly)
    file = StaticFile.of(SCRIPT, "text/javascript")
    await asyncio.gather(*(file.answer(request(Accept_Encoding="gzip")) for _ in range(20)))
    assert calls == ["gzip"]


@pytest.mark.parametrize(("data", "content_type"), [(b"x", "text/css"), (SCRIPT, "image/png"), (SCRIPT, "font/woff2")])
async def test_what_gains_nothing_is_sent_as_it_is(data: bytes, content_type: str) -> None:
    answer = await StaticFile.of(data, content_type).answer(request(Accept_Encoding="gzip, br"))
    assert "Content-Encoding" not in answer.headers
    assert answer.body == data


async def test_a_versioned_address_is_kept_for_a_year_any_other_asked_for_again() -> None:
    file = StaticFile.of(SCRIPT, "text/javascript")
    assert (await file.answer(request("/x.js?v=abc"))).headers["Cache-Control"] == FOREVER
    assert (await file.answer(request("/x.js"))).headers["Cache-Control"] == ASK_AGAIN
    assert (await file.answer(request("/x.js?version=abc"))).headers["Cache-Control"] == ASK_AGAIN


async def test_who_has_it_already_is_told_so() -> None:
    file = StaticFile.of(SCRIPT, "text/javascript")
    first = await file.answer(request(Accept_Encoding="br"))
    for tags in (first.headers["ETag"], f'"other", {first.headers["ETag"]}', f"W/{first.headers['ETag']}"):
        again = await file.answer(request(Accept_Encoding="br", If_None_Match=tags))
        assert (again.status, again.body) == (304, None)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert "Content-Encoding" not in again.headers


async def test_another_coding_or_another_content_is_another_thing() -> None:
    file, other = StaticFile.of(SCRIPT, "text/javascript"), StaticFile.of(SCRIPT + b" ", "text/javascript")
    tag = (await file.answer(request(Accept_Encoding="br"))).headers["ETag"]
    assert (await file.answer(request(Accept_Encoding="gzip", If_None_Match=tag))).status == 200
    assert (await other.answer(request(Accept_Encoding="br", If_None_Match=tag))).status == 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Beside it lies what nobody may have."""
    public = tmp_path / "static"
    (public / "deep").mkdir(parents=True)
    (public / "app.css").write_bytes(b"a{}" * 1000)
    (public / "deep" / "x.js").write_bytes(SCRIPT)
    (public / "page.html").write_text("a template")
    (public / ".hidden").write_text("x")
    (tmp_path / "secret.css").write_text("secret")
    return public


@pytest.mark.parametrize(("name", "content_type"), [("app.css", "text/css"), ("deep/x.js", "text/javascript")])
async def test_the_files_of_the_folder_are_served(folder: Path, name: str, content_type: str) -> None:
    answer = await OwnFiles(folder).serve(request(name=name))
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.body == (folder / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "deep",
        "page.html",
        ".hidden",
        "../secret.css",
        "deep/../app.css",
        "/etc/passwd",
        "app.css/",
        "app.css\0",
    ],
)
async def test_nothing_else_is(folder: Path, name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await OwnFiles(folder).serve(request(name=name))
    assert caught.value.status == 404


def test_the_version_changes_with_any_file(folder: Path) -> None:
    before = OwnFiles(folder).version
    assert OwnFiles(folder).version == before
    (folder / "deep" / "x.js").write_bytes(SCRIPT + b"//")
    changed = OwnFiles(folder).version
    (folder / "deep" / "x.js").rename(folder / "deep" / "y.js")
    assert len({before, changed, OwnFiles(folder).version}) == 3


class Worker:
    """Counts what it is asked for."""

    def __init__(self, status: int = 200, data: bytes = SCRIPT) -> None:
        self.asked: list[str] = []
        self.fetched = Fetched(status, "text/javascript", data)

    async def __call__(self, request: Request) -> Fetched:
        self.asked.append(request.raw_path)
        return self.fetched


async def test_the_workers_files_are_fetched_once_for_each_address() -> None:
    worker = Worker()
    files = WorkerFiles(worker)
    for _ in range(3):
        assert (await files.serve(request("/static/x.js?v=1"))).body == SCRIPT
    await files.serve(request("/static/x.js?v=2"))
    assert worker.asked == ["/static/x.js?v=1", "/static/x.js?v=2"]


@pytest.mark.parametrize(("status", "said"), [(404, 404), (403, 404), (302, 404), (503, 503), (500, 503)])
async def test_what_the_worker_lacks_is_not_kept(status: int, said: int) -> None:
    worker = Worker(status)
    files = WorkerFiles(worker)
    for _ in range(2):
        with pytest.raises(RefusedError) as caught:
            await files.serve(request("/static/x.js"))
        assert caught.value.status == said
    assert len(worker.asked) == 2


async def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 3 * len(SCRIPT))
    worker = Worker()
    files = WorkerFiles(worker)
    for name in ("a", "b", "c", "a", "d"):
        await files.serve(request(f"/static/{name}.js"))
    assert list(files._kept) == ["/static/c.js", "/static/a.js", "/static/d.js"]
    await files.serve(request("/static/b.js"))
    assert worker.asked[-1] == "/static/b.js"


async def test_what_it_is_compressed_to_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", len(SCRIPT) + 10)
    files = WorkerFiles(Worker())
    await files.serve(request("/static/a.js", Accept_Encoding="gzip"))
    assert list(files._kept) == []


async def test_a_huge_file_is_passed_on_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILE_BYTES", len(SCRIPT) - 1)
    worker = Worker()
    files = WorkerFiles(worker)
    for _ in range(2):
        assert (await files.serve(request("/static/x.js"))).body == SCRIPT
    assert len(worker.asked) == 2


async def test_the_tag_is_the_contents() -> None:
    answer = await StaticFile.of(SCRIPT, "text/javascript").answer(request())
    assert hashlib.sha256(SCRIPT).hexdigest()[:32] in answer.headers["ETag"]
