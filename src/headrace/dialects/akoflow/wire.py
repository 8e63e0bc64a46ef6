"""The words of this wire language: which keys stand where, and what is left over from exported documents.

Source: sections 2.2 to 2.4 of the specification.  Knows no rule about a value.
"""

from __future__ import annotations

DIALECT = "akoflow"

SPEC_KEYS = (
    "runtime",
    "image",
    "namespace",
    "schedule",
    "storagePolicy",
    "storageClassName",
    "storageSize",
    "storageAccessModes",
    "storageAkoflowPolicy",
    "nfsServer",
    "volumes",
    "mountPath",
    "webhooks",
    "activities",
)
ROOT_KEYS = ("name", "spec", *SPEC_KEYS)
POLICY_KEYS = ("type", "storageClassName", "storageSize")
WEBHOOK_KEYS = ("name", "url", "secretRef", "events", "secret")
ACTIVITY_KEYS = (
    "name",
    "run",
    "command",
    "dependsOn",
    "image",
    "runtime",
    "mountPath",
    "cpuLimit",
    "memoryLimit",
    "nodeSelector",
    "keepDisk",
    "inputs",
    "outputs",
    "policy",
)
COMMAND_KEYS = ("entrypoint", "executable", "arguments", "environment")
TRIES_KEYS = ("maxAttempts", "retryDelay", "timeout")

_LEFT_OVER = frozenset(
    {"id", "workflowId", "workflowid", "status", "procId", "createdAt", "startedAt", "finishedAt"}
    | {"state", "reason", "reasonCode", "executionTime", "warnings"}
)
ROOT_LEFT_OVER = _LEFT_OVER | {"counts", "rerunOf", "executionId"}
SPEC_LEFT_OVER = frozenset(
    {"createdAt", "startExecution", "endExecution", "executionTime", "longestActivity", "diskUsage"}
)
ACTIVITY_LEFT_OVER = _LEFT_OVER | {
    *("effectiveRuntime", "directory", "limits", "exitCode", "attempt", "attempts"),
    *("node", "placement", "clashes"),
}
"""State keys of exported documents, other servers' and our own (`render`), ignored without a word."""

EVENT_TYPES = ("ACTIVITY_COMPLETED", "WORKFLOW_DONE")
STORAGE_POLICIES = ("default", "distributed", "standalone")

LONGEST_NAME = 253
MOST_WEBHOOKS = 20
MOST_PROBLEMS = 100
"""Problems of one phase that an answer shows; the rest is counted."""
EDGES_PER_ACTIVITY = 10
"""How many times the largest number of activities the edges may be."""
