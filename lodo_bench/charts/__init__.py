"""What a chart shows, without a renderer."""
