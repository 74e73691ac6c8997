"""Video bytes, by range, from the allowed folders only."""

from __future__ import annotations

from starlette.responses import FileResponse, PlainTextResponse, Response

from mmu.review.web import Call


def serve(call: Call) -> Response:
    """The video of a task."""
    item = call.site.desk.find(call.path("id"))
    found = call.site.files.media(call.site.files.report(item.task.report)) if item else None
    if found is None:
        return PlainTextResponse("not found", 404)
    return FileResponse(
        found.path,
        media_type=found.mime,
        headers={
            "Cache-Control": "private, max-age=3600",
            # an SVG or HTML in disguise could do nothing either
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
