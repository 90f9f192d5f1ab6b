"""Results of other tools, given as SARIF 2.1.0: read, placed in the tree, weighed as ours are.

stream   JSON of any length, a value at a time
sarif    the log: which tool says what, in the log's own words
places   URIs of another machine -> paths of this tree
meaning  a rule's severity, weakness and kind
claims   all of it together: a file -> claims, and what of it could not be used
"""
