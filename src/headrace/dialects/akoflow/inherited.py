"""What activities take over from the workflow, and what is said once for all of them."""

from __future__ import annotations

from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.tables import Table


class Inherited:
    """The workflow's own values; one is made per document, because it remembers what it has warned of."""

    def __init__(
        self, around: Surroundings, spec: Table, *, runtime: str, image: str, mount_path: str | None
    ) -> None:
        self.around = around
        self.runtime = runtime
        self.image = image
        self.mount_path = mount_path
        self.takes_default = False
        """Whether an activity runs on the server's default, for nobody names a runtime for it."""
        self._resolved: dict[str, str | None] = {}
        self._spec = spec

    def runtime_of(self, activity: Table) -> tuple[str, str]:
        """Return the runtime of an activity as written, and the one where it runs."""
        text = activity.text("runtime")
        written = text or ""
        table = activity if written else self._spec
        name = written or self.runtime or self.around.default_runtime
        is_refused = text is None and activity.has("runtime")
        self.takes_default |= bool(name) and not (written or self.runtime or is_refused)
        if name in self._resolved:
            resolved = self._resolved[name]
            if resolved is None and written:
                self._tell_unknown(activity, name)
            return name, resolved or name
        resolved = self.around.resolve(name)
        if not name:
            self._spec.problem("runtime", "runtime_missing", "The workflow must name a runtime.")
        elif resolved is None and self._may_try_on_local(name):
            resolved = "local"
            message = f"The runtime '{name[:80]}' is not configured; its activities run on local, to try out."
            table.warn("runtime", "unknown_runtime_local", message)
        elif resolved is None:
            self._tell_unknown(table, name)
        self._resolved[name] = resolved
        return name, resolved or name

    def _may_try_on_local(self, name: str) -> bool:
        around = self.around
        forbidden = around.switched_off
        return (
            around.unknown_runtime == "local" and "local" not in forbidden and name.lower() not in forbidden
        )

    def _tell_unknown(self, table: Table, name: str) -> None:
        if (because := self.around.switched_off.get(name.lower())) is not None:
            message = f"The runtime '{name[:80]}' cannot be used. {because}"
            table.problem("runtime", "runtime_not_configured", message)
            return
        known = ", ".join(sorted(self.around.runtimes)) or "none"
        near = table.findings.nearest(name, self.around.runtimes)
        message = f"The runtime '{name[:80]}' is not configured; configured are: {known}."
        table.problem("runtime", "runtime_not_configured", message, near)
