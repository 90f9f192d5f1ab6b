"""Known vulnerabilities: an OSV database that the operator imports, and the matching of versions against it.

osv        one record of the OSV format -> Record, hostile input refused
versions   which of two versions is newer, by the rules of their ecosystem
ranges     whether a version lies in what a record calls affected
cvss       the base score of a CVSS 3 vector
importing  a file of records -> PostgreSQL, all or nothing
matching   components -> the advisories that apply to them
models     what is stored
"""
