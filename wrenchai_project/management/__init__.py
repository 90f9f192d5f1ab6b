"""The commands of the frame, and what they share."""
