from __future__ import annotations

import pytest

from headrace.tasks import core, openai_audio, openai_text, text, video, web, web_text, youtube
from headrace.tasks.library import Library, types_of


@pytest.fixture(scope="session")
def library() -> Library:
    modules = (core, openai_audio, openai_text, text, video, web, web_text, youtube)
    return Library(each for module in modules for each in types_of(module))
