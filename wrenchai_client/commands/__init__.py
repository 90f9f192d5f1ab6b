"""The commands of the client: each module adds its own to the parser."""
