"""Everything that is stored, as tables for other programs."""
