"""What the gateway costs, measured beside what it stands in front of and beside what one would write instead."""
