"""The runtimes of this server by name: those that come by entry points and those that it is given.

An entry point of the group `headrace.runtimes` leads to a function that takes the settings and returns a
runtime, or None when these settings do not configure it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from headrace import plugins
from headrace.errors import NotFound, PluginError
from headrace.runtimes.protocol import Capabilities, Observer, Runtime
from headrace.settings import Settings


class Registry(Mapping[str, Runtime]):
    """Every configured runtime under its name."""

    def __init__(self, runtimes: Iterable[Runtime], broken: Iterable[PluginError] = ()) -> None:
        """Take the runtimes; raises PluginError when two have one name.

        `broken` are plug-ins that are left out, kept for whoever tells the operator.
        """
        self._runtimes: dict[str, Runtime] = {}
        self.broken = tuple(broken)
        for runtime in runtimes:
            if runtime.name in self._runtimes:
                raise PluginError(f"Two runtimes have the name {runtime.name!r}; rename one of them.")
            self._runtimes[runtime.name] = runtime

    def __getitem__(self, name: str) -> Runtime:
        return self._runtimes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._runtimes))

    def __len__(self) -> int:
        return len(self._runtimes)

    def find(self, name: str) -> Runtime:
        """Return the runtime of this name; raises NotFound, which lists every configured one."""
        try:
            return self._runtimes[name]
        except KeyError:
            raise NotFound(f"There is no runtime {name!r} here; configured are {', '.join(self)}.") from None

    def open(self, observer: Observer) -> None:
        """Let all begin to work, inside the running event loop."""
        for runtime in self._runtimes.values():
            runtime.open(observer)

    async def close(self) -> None:
        """Let all stop."""
        for runtime in self._runtimes.values():
            await runtime.close()


def installed(settings: Settings, given: Iterable[Runtime]) -> Registry:
    """Return the given runtimes and those that installed packages offer; a broken plug-in is left out."""
    offered = plugins.load(plugins.RUNTIMES)
    runtimes = list(given)
    broken = list(offered.broken)
    for plugin in offered.found:
        try:
            runtime = _made(plugin, settings)
        except PluginError as error:
            broken.append(error)
            continue
        if runtime is not None:
            runtimes.append(runtime)
    return Registry(runtimes, broken)


def capabilities_of(settings: Settings, runtimes: Mapping[str, Runtime]) -> dict[str, Capabilities]:
    """Return what workflows may ask of each runtime: what it can do, and the operator lets it do."""
    found = {name: runtime.capabilities for name, runtime in runtimes.items()}
    because = settings.local.why_no_shell
    if because is not None and "local" in found:
        found["local"] = replace(found["local"], commands=False, why_no_commands=because)
    return found


def _made(plugin: plugins.Plugin, settings: Settings) -> Runtime | None:
    factory = plugin.value
    whose = f"Plug-in {plugin.name!r} of {plugin.distribution}"
    if not callable(factory):
        raise PluginError(f"{whose} is no function that makes a runtime.")
    try:
        runtime: Runtime | None = factory(settings)
    except Exception as error:
        raise PluginError(f"{whose} makes no runtime: {type(error).__name__}: {error}") from error
    if runtime is not None and runtime.name != plugin.name:
        raise PluginError(f"{whose} makes a runtime of another name, {runtime.name!r}.")
    return runtime
