"""`lodo_bench.LODO` in frameworks that train, save and resume: `make test-frameworks` installs them and runs this."""
