"""Our own programs that read a tree's files, each in a process of its own: a bad file costs it, never the worker.

asking     starts one, and reads its answer
files      runs inside of one: how it reads a file, and makes its answer fit to be stored
visiting   runs inside of one: how griffe reads a file
"""
