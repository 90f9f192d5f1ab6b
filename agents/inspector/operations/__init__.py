"""Operations of the Inspector, one mixin a module; `agents.inspector.agent` puts them together."""
