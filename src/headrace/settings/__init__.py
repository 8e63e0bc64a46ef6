"""What an operator can set, where each value comes from, and what is accepted.

A setting has one name, `room.name`; server-wide ones have no room.
Strongest first: option of the command line, `HEADRACE_` variable, `headrace.toml`, default.
Nothing here knows what a setting is used for: whoever needs one is given its value by the composition root.
"""

from headrace.settings.catalogue import BY_THE_MACHINE, Setting, catalogue
from headrace.settings.loading import load
from headrace.settings.model import DataflowSettings, LocalSettings, OpenAISettings, Settings
from headrace.settings.quantities import Rate

__all__ = [
    "BY_THE_MACHINE",
    "DataflowSettings",
    "LocalSettings",
    "OpenAISettings",
    "Rate",
    "Setting",
    "Settings",
    "catalogue",
    "load",
]
