"""The engines of searches: they bring shards to workers, and results back to the coordinator."""
