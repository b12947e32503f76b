"""Video files: probing, decoding, cutting into clips, and the frame store. No models, no sports."""
