"""The pages below a project's "Settings": one module per section, all in the frame of `frame`."""
