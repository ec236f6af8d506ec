"""The board: pages for people, rendered here, that fill while one watches."""

from services.gateway.board.sign_in_links import SignInLinks

__all__ = ["SignInLinks"]
