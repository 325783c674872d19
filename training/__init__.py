"""Training on the laptop: data, scenes, fitting, evaluating, and sending weights to the Pi."""
