"""What has moved since training: features, scores, calibration, volumes."""
