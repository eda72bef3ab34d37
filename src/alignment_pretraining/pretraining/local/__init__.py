"""The local engine: trains a Hugging Face Llama on one machine, from a token stream to a checkpoint folder."""
