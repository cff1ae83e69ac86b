"""The pages over HTTP, for this machine only: GET, no script, no cookie, nothing kept."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from athena import reports
from athena.dashboard.filters import NARROWING, FilterError, Filters
from athena.dashboard.lake import Lake
from athena.dashboard.pages import BY_NAME, Page, Section
from athena.dashboard.rendering import Site, csp, style
from athena.output import csv_lines

_HEADERS = {
    "Content-Security-Policy": csp(exported=False),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1c4f8f"/>'
    '<path d="M6 11q5-5 10 0t10 0M6 18q5-5 10 0t10 0M6 25q5-5 10 0t10 0" fill="none" stroke="#fff" '
    'stroke-width="2.6"/></svg>'
)


class Web:
    """The WSGI application.

    Args:
        lake: asked for figures.
        hosts: names and addresses, each with its port, that a request may be for. Another site's name that leads to
            this machine is turned away, since behind it may be a page that reads along.
    """

    def __init__(self, lake: Lake, *, hosts: Iterable[str] = ()) -> None:
        self._lake = lake
        self._hosts = frozenset(hosts)
        self._site = Site(lake, href=_href, csv=_csv_href)

    def answer_for(self, hosts: Iterable[str]) -> None:
        """Answers requests for these from now on."""
        self._hosts = frozenset(hosts)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = self._answer(Request(environ))
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.host not in self._hosts:
            return _plain(421, f"This answers for {', '.join(sorted(self._hosts))} only.")
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "Only GET and HEAD are answered.", Allow="GET, HEAD")
        path = request.path.strip("/")
        if path == "style.css":
            return Response(style(), content_type="text/css; charset=utf-8", headers={"Cache-Control": "max-age=60"})
        if path == "icon.svg":
            return Response(ICON, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})
        try:
            if path.startswith("csv/") and path.endswith(".csv"):
                return self._csv(path.removeprefix("csv/").removesuffix(".csv"), request.args.to_dict())
            page = BY_NAME.get(path or "overview")
            if page is None:
                return self._refused(404, f"There is no page {path[:60]!r}; there are {', '.join(BY_NAME)}.")
            pieces = self._site.page(page, Filters.read(request.args.to_dict()))
            # The first piece shows that the filters hold, before a status is sent.
            first = next(pieces)
        except FilterError as error:
            return self._refused(400, str(error), BY_NAME.get(path or "overview", BY_NAME["overview"]))
        return Response(_chained(first, pieces), content_type="text/html; charset=utf-8")

    def _csv(self, name: str, given: dict[str, str]) -> Response:
        if name not in reports.names():
            return self._refused(404, f"There is no report {name[:60]!r}; there are {', '.join(reports.names())}.")
        own = {one.name: one for one in reports.load(name).parameters if one.type in ("integer", "choice")}
        try:
            values = {key: own[key].read(given.pop(key)) for key in list(given) if key in own}
        except ValueError as error:
            return self._refused(400, str(error))
        figure = self._lake.ask(name, Filters.read(given), **values).result()
        if figure.answer is None:
            return _plain(502, figure.failure)
        return Response(
            [line.encode() for line in csv_lines(figure.answer)],
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )

    def _refused(self, status: int, message: str, page: Page = BY_NAME["overview"]) -> Response:
        return Response(self._site.refused(message, page), status=status, content_type="text/html; charset=utf-8")


def _chained(first: str, rest: Iterable[str]) -> Iterable[bytes]:
    yield first.encode()
    for piece in rest:
        yield piece.encode()


def _plain(status: int, message: str, **headers: str) -> Response:
    return Response(f"{message}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _href(page: str, filters: Filters) -> str:
    query = filters.query()
    path = "/" if page == "overview" else f"/{page}"
    return f"{path}?{query}" if query else path


def _csv_href(section: Section, filters: Filters) -> str:
    narrowing = {name: str(value) for name, value in section.values.items() if name in NARROWING}
    own = urlencode({name: value for name, value in section.values.items() if name not in NARROWING})
    query = "&".join(part for part in (filters.query(**narrowing), own) if part)
    return f"/csv/{section.report}.csv" + (f"?{query}" if query else "")
