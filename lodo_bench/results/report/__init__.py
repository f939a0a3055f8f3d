"""From stored runs to tables for people; pure functions of what the store returns."""
