"""Makes reference cases: tiny random checkpoints and every stage of a diffusers I2VGenXLPipeline run on them."""
