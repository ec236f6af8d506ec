"""All of this room over HTTP."""

from fastapi import APIRouter

from services.intake import challenge_endpoints, company_endpoints, import_endpoints
from services.intake.service import Intake


def routers(intake: Intake) -> list[APIRouter]:
    """Challenges, companies, and the import of files; `intake` is what they act on."""
    return [
        challenge_endpoints.router(intake.challenges),
        import_endpoints.router(intake.imports),
        company_endpoints.router(intake.companies),
    ]
