"""The whole of an environment, shrunk in size alone and run on this machine's processors."""
