"""Reading and writing files: YAML, JSON, atomic writes."""
