"""What anything costs before it runs: money, GPU-hours, memory, disk; and the rehearsal of a cluster."""
