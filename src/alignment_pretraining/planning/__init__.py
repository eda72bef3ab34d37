"""What anything costs before it runs: money, GPU-hours, memory, disk; whether it can be met; and its rehearsal."""
