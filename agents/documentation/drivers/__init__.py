"""Programs that run in processes of their own, isolated from the worker. None of them imports this package."""
