"""How operations are described in OpenAPI: what they take, what they answer, with an example and their errors.

    class Greeting(TypedDict):
        "What a visitor hears."
        text: Annotated[str, Field(description="in the visitor's language", examples=["Hello"])]

    class GreetingView(APIView):
        required_action = "greeting.view"

        @operation("greetings_read", returns=Greeting, example={"text": "Hello"}, errors={409: "nobody is at home"})
        def get(self, request: Request) -> Response:
            \"\"\"Greet the caller. The first sentence becomes the summary.\"\"\"

Answers are TypedDicts, so that mypy holds the code to what is promised; pydantic turns them into JSON Schema. What
every operation may answer (401, 403, 404, 429, ...) and the role that it asks for are added by `Described`, from the
view's action; `errors` names only what is special.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Generic, NotRequired, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from rest_framework import serializers
from typing_extensions import TypedDict

from accounts.roles import ACTIONS, OPEN_ACTIONS, STAFF_ACTIONS, TEAM_ACTIONS
from api.errors import MEDIA_TYPE
from api.permissions import action_of
from api.tags import tag_of
from api.versions import deprecation_of

REF = "#/components/schemas/{model}"
BODIES = frozenset({"POST", "PUT", "PATCH"})

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class FieldFault(TypedDict):
    """What is wrong with one field."""

    field: Annotated[str, Field(description="path of the field; empty for the whole body", examples=["goal"])]
    message: str


class Problem(TypedDict):
    """A problem document (RFC 9457). Programs look at `type` and `status`, people read `detail`."""

    type: Annotated[str, Field(examples=["urn:wrenchai:problem:invalid"])]
    title: str
    status: int
    detail: Annotated[str, Field(description="what is wrong, with which value, and what to do")]
    errors: NotRequired[list[FieldFault]]
    rule: NotRequired[Annotated[str, Field(description="of a 429: the limit that was reached")]]
    retry_after: NotRequired[Annotated[int, Field(description="of a 429: seconds to wait")]]


class Page(TypedDict, Generic[T]):
    """A page of a list."""

    results: list[T]
    next: Annotated[str | None, Field(description="path of the next page; null on the last one")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error that is no problem document, where another standard gives its form."""

    status: int
    text: str
    shape: Any
    example: Any


def operation(
    name: str,
    *,
    returns: Any = None,
    example: Any = None,
    status: int = 200,
    also: Mapping[int, str] | None = None,
    body: type[serializers.BaseSerializer[Any]] | Mapping[str, Any] | None = None,
    sends: Any = None,
    query: type[serializers.Serializer[Any]] | None = None,
    errors: Mapping[int, str] | None = None,
    refusal: Refusal | None = None,
    idempotent: bool = False,
    editable: bool = False,
    ranges: bool = False,
    media_type: str = "application/json",
) -> Callable[[F], F]:
    """Describe a method of a view.

    `name` is the operation's id, `<resource>_<verb>`. `returns` is a TypedDict (`Page[X]` for a list), None for an
    empty answer, or `bytes`; `example` is one such answer. `also` names other good statuses with the same answer.
    `body` and `sends`: the serializer of the body and an example, or a mapping from media types to what they hold;
    `query`: the serializer of the query. `refusal`: an error in another form than a problem. `idempotent`: the header
    Idempotency-Key is heeded. `editable`: If-Match is heeded. `ranges`: Range and If-Range are. Raises nothing.
    """
    good = {status: "", **({206: "The bytes that Range names."} if ranges else {}), **(also or {})}
    responses: dict[Any, Any] = _answers(good, returns, example, media_type)
    for code, text in (errors or {}).items():
        responses[code, MEDIA_TYPE] = problem(code, text)
    if refusal is not None:
        shown = [OpenApiExample("refusal", refusal.example)]
        responses[refusal.status, "application/json"] = Shaped(
            refusal.shape, description=refusal.text, examples=shown
        )
    if editable:
        responses[412, MEDIA_TYPE] = problem(412, "It was changed since you read it (changed-meanwhile).")
    if ranges:
        responses[416, MEDIA_TYPE] = problem(416, "There are no such bytes (range-not-satisfiable).")
    parameters: list[Any] = [query] if query else []
    parameters += [_RANGE, _IF_RANGE] if ranges else []
    parameters += [_IDEMPOTENCY_KEY] if idempotent else []
    parameters += [_IF_MATCH] if editable else []
    asked = [OpenApiExample("request", sends, request_only=True)] if sends is not None else []
    described: Callable[[F], F] = extend_schema(
        operation_id=name, request=body, responses=responses, parameters=parameters, examples=asked
    )
    return described


def _answers(good: Mapping[int, str], returns: Any, example: Any, media_type: str) -> dict[Any, Any]:
    """Describe the good answers: one shape under each of these statuses."""
    if returns is None:
        return {
            code: OpenApiResponse(description=text or "Done; there is no body.")
            for code, text in good.items()
        }
    shown = [OpenApiExample("example", example, response_only=True)] if example is not None else []
    return {
        (code, media_type): Shaped(returns, description=text, examples=shown) for code, text in good.items()
    }


def problem(code: int, text: str) -> OpenApiResponse:
    """Describe an error: when it comes, and an example of it."""
    shown = {"type": "about:blank", "title": _title(code), "status": code, "detail": text}
    return Shaped(Problem, description=text, examples=[OpenApiExample("problem", shown)])


class Shaped(OpenApiResponse):
    """An answer whose schema is made when the document is written: to make all takes a third of a start."""

    def __init__(self, shape: Any, *, description: str, examples: Sequence[OpenApiExample]) -> None:
        self._shape = shape
        super().__init__(description=description, examples=examples)

    @property
    def response(self) -> dict[str, Any]:
        # OpenAPI 3.1 has no type for bytes, and clients read those that are JSON as what they hold.
        return {"description": "Bytes of the media type."} if self._shape is bytes else schema_of(self._shape)

    @response.setter
    def response(self, given: Any) -> None:
        """Keep none: the class that this is one of sets it."""


def schema_of(shape: Any) -> dict[str, Any]:
    """Give the JSON Schema of an answer; what has a name lies in the components, which `add_components` writes."""
    made = TypeAdapter(shape).json_schema(ref_template=REF, mode="serialization", schema_generator=NoTitles)
    inner: dict[str, Any] = made.pop("$defs", {})
    _components.update(inner)
    name = getattr(shape, "__name__", "")
    if made.get("type") != "object" or getattr(shape, "__origin__", None) or not name:
        return dict(made)
    _components[name] = made
    return {"$ref": REF.format(model=name)}


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put among the schema's components what its operations name. A postprocessing hook of drf-spectacular."""
    components = result.setdefault("components", {})
    responses = {name: _responses[name] for name in _names(result["paths"], "responses")}
    schemas = {**components.get("schemas", {}), **_components}
    used: set[str] = set()
    todo = _names(result["paths"], "schemas") | _names(responses, "schemas")
    while todo:
        used |= todo
        todo = set().union(*(_names(schemas[name], "schemas") for name in todo)) - used
    components["schemas"] = {name: schemas[name] for name in sorted(used)}
    components["responses"] = dict(sorted(responses.items()))
    return result


def _names(part: Any, kind: str) -> set[str]:
    """Give the components of a kind that a part of the schema refers to."""
    start = f"#/components/{kind}/"
    if isinstance(part, dict):
        here = {str(part["$ref"]).removeprefix(start)} if str(part.get("$ref")).startswith(start) else set()
        return here.union(*(_names(inner, kind) for inner in part.values()))
    if isinstance(part, list):
        return set().union(*(_names(inner, kind) for inner in part))
    return set()


class Described(AutoSchema):
    """Adds what all operations have in common: summary, role, common errors."""

    def get_summary(self) -> str:
        first: str = self.get_description().split("\n\n")[0].replace("\n", " ")
        return first.split(". ")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's own, which has no types
        text: str = super().get_description()
        leaving = deprecation_of(self.view, self.method)
        told = (text, _needs(action_of(self.view, self.method) or ""), leaving.sentence if leaving else "")
        return "\n\n".join(filter(None, told))

    def get_tags(self) -> list[str]:
        return [tag_of(self.get_operation_id())]

    def is_deprecated(self) -> bool:
        return deprecation_of(self.view, self.method) is not None

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, text in self._common().items():
            if str(code) not in bodies:
                name = _title(code).replace(" ", "")
                told: Any = self._get_response_for_code  # drf-spectacular has no types
                _responses[name] = told(problem(code, text), str(code), [MEDIA_TYPE], direction)
                bodies[str(code)] = {"$ref": f"#/components/responses/{name}"}
        return dict(sorted(bodies.items()))

    def _common(self) -> dict[int, str]:
        action = action_of(self.view, self.method) or ""
        told = {}
        if self.path.startswith("/api/"):
            told[429] = "A rate limit is reached; Retry-After tells how long to wait."
        if action not in OPEN_ACTIONS:
            told[401] = "Who you are is not known: sign in, or the token or key is no longer good."
            told[403] = "Your role, or the scopes of your key, do not allow this."
        if "{" in self.path:
            told[404] = "There is no such thing that you may see."
        if self.method in BODIES or self._get_parameters():
            told[400] = "Something in the request is not valid; `errors` names each field."
        if self.method in BODIES:
            told[413] = "The body is too large."
            told[415] = "The body's Content-Type is not one that is read here."
        return told


@cache
def _needs(action: str) -> str:
    if action in ACTIONS:
        return f"Needs the role **{ACTIONS[action].label}** in the project or above (`{action}`)."
    if action in TEAM_ACTIONS:
        return f"Needs the role **{TEAM_ACTIONS[action].label}** in the team or above (`{action}`)."
    if action in STAFF_ACTIONS:
        return f"For staff (`{action}`)."
    if action in OPEN_ACTIONS:
        return f"Needs no identity (`{action}`)."
    return f"For everybody who is signed in (`{action}`)."


def _title(code: int) -> str:
    return HTTPStatus(code).phrase


class NoTitles(GenerateJsonSchema):
    """Titles made from field names say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


_components: dict[str, Any] = {}
_responses: dict[str, Any] = {}
"""What was described so far: shapes of answers, and the errors that operations have in common."""
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 200 printable ASCII characters; a request that is sent again with it is done once",
)
_RANGE = OpenApiParameter(
    "Range",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="one range of bytes, such as `bytes=0-1023`; several are answered with all",
)
_IF_RANGE = OpenApiParameter(
    "If-Range",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="an ETag; if it is another one now, Range is not heeded",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="the ETag that you read; the change is made only to that",
)
