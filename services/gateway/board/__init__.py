"""The board: pages for people, rendered here, that fill while one watches."""

from services.gateway.board.pages import router
from services.gateway.board.ports import BoardPorts
from services.gateway.board.sign_in_links import SignInLinks

__all__ = ["BoardPorts", "SignInLinks", "router"]
