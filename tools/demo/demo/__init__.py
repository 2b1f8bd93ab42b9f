"""The demo checkpoint of i2vgen: its data, its training and its evaluation."""
