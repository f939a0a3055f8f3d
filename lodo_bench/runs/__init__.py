"""Final runs: execution, hyperparameters and provenance."""
