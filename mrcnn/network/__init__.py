"""The network, one file per stage in the paper's order; `graph` wires them."""
