"""Plain frozen values that cross rooms, processes and the database: no tensors, database rows or Ray objects."""
