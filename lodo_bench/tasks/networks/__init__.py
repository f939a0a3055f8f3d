"""Network tasks: their base class, networks, parameter layout and compute options."""
