"""What is tried on the gateway that no one tuned by hand: `make fuzz`; pytest runs a small, fixed share of each."""
