"""A small shop, as a site may have one: its customers are an audience of campaigns."""
