"""The paper's genetic hyperparameter search, driven by Ray Tune."""
