"""From stored results to finished figures."""
