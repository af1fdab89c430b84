"""Bodies of requests: JSON without its traps, judged by a model; the reference page describes them all the same."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from services.kit.errors import Code
from services.kit.strict_json import JsonError, parse_object
from services.kit.web import Problem

M = TypeVar("M", bound=BaseModel)


def json_body(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A FastAPI dependency: the request's body as `model`.

    It raises Problem 400 `DECODE_BAD` for what is no JSON object, 422 `SCHEMA_BAD` for one the model refuses. No
    value of the body is repeated.
    """

    async def read(request: Request) -> M:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(400, Code.DECODE_BAD, "The body must be application/json.")
        data = await request.body()
        try:
            parse_object(data)
            return model.model_validate_json(data)
        except JsonError as error:
            raise Problem(400, Code.DECODE_BAD, f"The body is not JSON we take: {error}.") from None
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            place = str(fault["loc"][0]) if fault["loc"] else ""
            known = place if place in model.model_fields else "the body"
            raise Problem(422, Code.SCHEMA_BAD, f"{known}: {fault['msg']}"[:300]) from None

    return read


def described(model: type[BaseModel]) -> dict[str, Any]:
    """What `openapi_extra` says of a route that takes such a body."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }
