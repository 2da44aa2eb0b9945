"""What bulkseg costs and how fast it is: `python -m benchmarks [NAME...]`, figures in build/benchmarks/."""
