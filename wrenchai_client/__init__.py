"""The command line client of a WrenchAI server: needs httpx, websockets and rich, and nothing of the server."""
