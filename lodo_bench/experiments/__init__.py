"""The paper's tables and figures as declarations in YAML, and the code that computes and renders them."""
