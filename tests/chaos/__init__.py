"""The chaos harness: real processes, seeded faults, and a checker that does not believe the engine."""
