"""What it costs, measured: `make bench`. Not in the package."""
