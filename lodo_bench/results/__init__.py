"""What came out: kept in a database, summarized, and reported."""
