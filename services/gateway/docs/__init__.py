"""/docs: the API on one page, rendered here from the OpenAPI document. No script, nothing from elsewhere."""

from services.gateway.docs.page import router

__all__ = ["router"]
