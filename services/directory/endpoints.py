"""All of this room over HTTP."""

from fastapi import APIRouter

from services.directory import cluster_endpoints, key_endpoints, organisation_endpoints
from services.directory.service import Directory


def routers(directory: Directory) -> list[APIRouter]:
    """Organisations, keys, clusters and members; `directory` is what they act on."""
    return [
        organisation_endpoints.router(directory.organisations),
        key_endpoints.router(directory.keys, directory.organisations),
        cluster_endpoints.router(directory.members, directory.organisations),
    ]
