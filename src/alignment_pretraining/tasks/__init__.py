"""Work that is cut into tasks: done once, here or on a cluster, and taken up where it was left."""
