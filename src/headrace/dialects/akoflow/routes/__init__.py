"""The doors of this dialect: the only part of it that knows the web framework and the orchestrator."""

from __future__ import annotations

from fastapi import FastAPI

from headrace.dialects.akoflow.routes.activities import ActivityRoutes
from headrace.dialects.akoflow.routes.admin import AdminRoutes
from headrace.dialects.akoflow.routes.artifacts import ArtifactRoutes
from headrace.dialects.akoflow.routes.deliveries import DeliveryRoutes
from headrace.dialects.akoflow.routes.logs import LogRoutes
from headrace.dialects.akoflow.routes.measurements import MeasurementRoutes
from headrace.dialects.akoflow.routes.operations import Operation, application_of
from headrace.dialects.akoflow.routes.provenance import ProvenanceRoutes
from headrace.dialects.akoflow.routes.schedules import ScheduleRoutes
from headrace.dialects.akoflow.routes.server import ServerRoutes
from headrace.dialects.akoflow.routes.submissions import SubmissionRoutes
from headrace.dialects.akoflow.routes.workflows import WorkflowRoutes
from headrace.orchestrator.services import Services


def operations(services: Services) -> list[Operation]:
    """Return the table of all routes, literal paths before those with parameters."""
    return [
        *SubmissionRoutes(services).operations(),
        *ServerRoutes(services).operations(),
        *AdminRoutes().operations(),
        *ScheduleRoutes(services).operations(),
        *WorkflowRoutes(services).operations(),
        *ActivityRoutes(services).operations(),
        *LogRoutes(services).operations(),
        *MeasurementRoutes(services).operations(),
        *ArtifactRoutes(services).operations(),
        *ProvenanceRoutes(services).operations(),
        *DeliveryRoutes(services).operations(),
    ]


def application(services: Services) -> FastAPI:
    """Return the dialect's application."""
    return application_of(operations(services), services)
