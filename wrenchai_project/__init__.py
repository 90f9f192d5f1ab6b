"""The frame of WrenchAI: settings, servers, the Celery application, commands."""
