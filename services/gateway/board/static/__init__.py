"""Style, scripts and the mark of the board, served by `services.gateway.board.assets`."""
