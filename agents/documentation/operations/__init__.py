"""The operations of the Documentation agent: one mixin class for each subject."""
