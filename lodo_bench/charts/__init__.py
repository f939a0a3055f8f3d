"""Content of charts, independent of how they are rendered."""
