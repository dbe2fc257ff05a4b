"""What telemetry costs: ``python -m benchmarks`` measures, prints tables and writes results."""
