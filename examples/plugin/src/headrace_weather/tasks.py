"""How cold the wind makes it feel."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import task


class WindChill(Struct, frozen=True):
    """What it feels like.

    feels_like: Temperature on the skin, in degrees Celsius. Example: -13.0
    """

    feels_like: float


@task("weather.wind_chill", repeatable=True)
async def wind_chill(
    celsius: float, context: Context, *, wind: Annotated[float, Meta(ge=0, le=400)] = 20
) -> WindChill:
    """Say how cold the wind makes it feel, by the formula of the North American weather services (2001).

    celsius: Temperature of the air, at most 10 degrees Celsius. Example: -5
    wind: Speed of the wind in km/h. Example: 30
    """
    if celsius > 10:
        raise TaskFailure("invalid_value", f"The formula holds up to 10 °C; it is {celsius:g} °C.")
    if wind < 4.8:
        context.log("The wind is too weak to matter.")
        return WindChill(celsius)
    power = wind**0.16
    return WindChill(round(13.12 + 0.6215 * celsius - 11.37 * power + 0.3965 * celsius * power, 1))
