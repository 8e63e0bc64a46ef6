"""Text by a language model, through the chat completions of an OpenAI-compatible service."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, MsgspecError, Struct, convert

from headrace.tasks import openai_service as service
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import task
from headrace.tasks.ports import Note
from headrace.tasks.values import checked

_MODEL: Final = "gpt-3.5-turbo"
_SUMMARIZE: Final = "Summarize the following text."
_EXTRA: Final = ("max_tokens", "temperature", "top_p", "frequency_penalty", "presence_penalty")

_Tokens = Annotated[int, Meta(ge=1)] | None
_Temperature = Annotated[float, Meta(ge=0, le=2)]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]


class Completion(Struct, frozen=True):
    """What the model wrote.

    completion: The text of the first choice. Example: "Water turns the wheel."
    usage: Tokens that were counted. Example: {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    """

    completion: Annotated[str, Note(default_output=True)]
    usage: dict[str, Any]


@task("openai.completion", credential=service.CREDENTIAL)
async def completion(
    text: str,
    prompt: Annotated[str, Note(aliases=("instructions",))],
    context: Context,
    *,
    model: str = _MODEL,
    max_tokens: _Tokens = None,
    temperature: _Temperature = 0.7,
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1,
    frequency_penalty: _Penalty = 0,
    presence_penalty: _Penalty = 0,
) -> Completion:
    """Let a language model answer a text by instructions.

    text: The text to work on. Example: "The mill stands at the river."
    prompt: Instructions for the model. Example: "Translate to German."
    model: Name of the model. Example: "gpt-3.5-turbo"
    max_tokens: Most tokens to write. Example: 150
    temperature: Chance in the choice of words, 0 to 2. Example: 0.7
    top_p: Share of likely words to choose from, 0 to 1. Example: 1
    frequency_penalty: Against words that are frequent already, -2 to 2. Example: 0
    presence_penalty: Against words that are there already, -2 to 2. Example: 0
    """
    parameters = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "frequency_penalty": frequency_penalty,
        "presence_penalty": presence_penalty,
    }
    return await _complete(context, model, prompt, text, parameters)


class Summary(Struct, frozen=True):
    """A summary.

    summary: The summary. Example: "Water turns the wheel."
    usage: Tokens that were counted. Example: {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    """

    summary: Annotated[str, Note(default_output=True)]
    usage: dict[str, Any]


@task("openai.text.summarize", credential=service.CREDENTIAL)
async def summarize(
    text: str,
    context: Context,
    *,
    instructions: str | None = None,
    model: str = _MODEL,
    max_tokens: _Tokens = None,
    temperature: _Temperature = 0.7,
    parameters: dict[str, Any] | None = None,
) -> Summary:
    """Let a language model summarize a text.

    text: The text to summarize. Example: "The mill stands at the river."
    instructions: What to tell the model instead of the usual words. Example: "Summarize in one sentence."
    model: Name of the model. Example: "gpt-3.5-turbo"
    max_tokens: Most tokens to write. Example: 150
    temperature: Chance in the choice of words, 0 to 2. Example: 0.7
    parameters: max_tokens, temperature, top_p and the penalties, in one object. Example: {"max_tokens": 150}
    """
    given = {"max_tokens": max_tokens, "temperature": temperature, **_known(parameters or {})}
    found = await _complete(context, model, instructions or _SUMMARIZE, text, given)
    return Summary(found.completion, found.usage)


def _known(parameters: dict[str, Any]) -> dict[str, Any]:
    """Check what came inside an object by the ports that it has outside."""
    ports = {port.name: port for port in completion.spec.inputs if port.name in _EXTRA}
    if unknown := sorted(parameters.keys() - ports.keys()):
        raise TaskFailure(
            "invalid_value", f"'parameters' has no '{unknown[0]}'; it may hold {', '.join(_EXTRA)}."
        )
    return {
        name: checked("openai.text.summarize", ports[name], value)
        for name, value in parameters.items()
        if value is not None
    }


class _Message(Struct):
    content: str | None


class _Choice(Struct):
    message: _Message


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Chat(Struct):
    choices: Annotated[list[_Choice], Meta(min_length=1)]
    usage: _Usage | None = None


async def _complete(
    context: Context, model: str, prompt: str, text: str, parameters: dict[str, Any]
) -> Completion:
    body = {
        "model": model,
        "messages": [{"role": "system", "content": prompt}, {"role": "user", "content": text}],
        **{name: value for name, value in parameters.items() if value is not None},
    }
    answer = await service.ask_json(context, "/chat/completions", body)
    try:
        chat = convert(answer, _Chat)
    except MsgspecError as error:
        raise TaskFailure("connection_failed", f"The service answered no completion: {error}.") from error
    usage = chat.usage or _Usage()
    return Completion(
        completion=chat.choices[0].message.content or "",
        usage={name: getattr(usage, name) for name in _Usage.__struct_fields__},
    )
