"""Pure seeing: what a video file is, which picture it shows when. No model, no sport."""
