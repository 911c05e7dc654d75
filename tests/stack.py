"""The real processes on this worker's database, bucket and Valkey number."""
