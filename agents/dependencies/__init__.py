"""What a repository depends on, read from its files alone.

component  the shape of one dependency
reading    the files of a tree -> components, in a process of its own with bounds (`driver`)
formats    which reader reads which file
python, javascript, others   the readers
sbom       CycloneDX 1.6
licences   which licence a text is, and what a policy says of one
"""
