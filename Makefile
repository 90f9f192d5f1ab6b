# Aliases of ./wrench, for fingers that are used to make. `make` alone prints help.
.PHONY: help run serve test check lint stop doctor reset lock

help:
	@./wrench help

run serve test check stop doctor reset lock:
	@./wrench $@

lint:
	@./wrench check --fast
