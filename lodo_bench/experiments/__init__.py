"""The tables and figures of the paper as declarations, and the code that carries such a declaration out."""
